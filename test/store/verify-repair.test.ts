import { expect } from 'chai'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { documentsOf, launchCli } from '../support/cli.ts'
import { roundsOf } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('verify --repair', function () {
  this.timeout(120_000)
  const store = useStore()

  /** Each fault as `what path`, with `repaired` behind it where it was. */
  async function verify(
    ...words: string[]
  ): Promise<{ told: string[]; exitCode: number | undefined; stdout: string }> {
    const finished = await store.run(['verify', ...words, '--json'])
    const told = documentsOf(finished)
      .filter(({ type }) => type === 'damage')
      .map(
        ({ what, path, repaired }) =>
          `${String(what)} ${String(path)}${repaired === true ? ' repaired' : ''}`,
      )
    return { told, exitCode: finished.exitCode, stdout: finished.stdout }
  }

  /** The lines that a shell command in the volume of a snapshot prints. */
  async function linesIn(name: string, command: string): Promise<string[]> {
    const stdout = await shellIn(store.dataIn(name), command)
    return stdout.split('\n').filter((line) => line !== '')
  }

  /** Another first byte under the old time, as a disk that rots. */
  async function flip(name: string, file: string): Promise<void> {
    await shellIn(
      store.dataIn(name),
      `t=$(stat -c %y ${file}); printf X 1<>${file}; touch -d "$t" ${file}`,
    )
  }

  it('sets the attributes of a root, and writes nothing that is in it', async () => {
    await shellIn(store.data, 'echo day1 > ibdata; echo conf > conf; mkdir below; ln -s conf link')
    const first = await store.snapshot()
    const before = walkTree(store.dataIn(first))
    await shellIn(store.data, 'echo day2 > ibdata')
    await store.snapshot()
    await shellIn(store.data, 'echo day3 > ibdata')
    await store.snapshot()
    await verify()
    await shellIn(store.dataIn(first), 'chmod 700 .; chown 7 .; setfattr -n user.x -v y .; rm conf')
    const { told, exitCode } = await verify('--repair')
    expect(told).to.have.members(['metadata  repaired', 'missing conf repaired'])
    expect(exitCode).to.equal(0)
    expect(compareTrees(before, walkTree(store.dataIn(first)))).to.deep.equal([])
    expect((await verify()).told).to.deep.equal([])
  })

  it('takes attributes, and no content, from a copy that has other content', async () => {
    await shellIn(
      store.data,
      `echo AAAA > file; ln -s AAAA link; setfacl -m u:7:r file; setfattr -n user.a -v b file
      chmod 4710 file; touch -hd 2020-01-01 file link`,
    )
    const first = await store.snapshot()
    const second = await store.snapshot()
    const before = walkTree(store.dataIn(first))
    // cp(1) of other bytes of that size, with all attributes
    await shellIn(
      store.data,
      'cp -a file new; echo BBBB > new; chmod 4710 new; touch -d 2020-01-01 new; mv new file',
    )
    await shellIn(store.data, 'ln -sfn BBBB link; touch -hd 2020-01-01 link')
    await store.snapshot()
    await verify()
    await shellIn(
      store.dataIn(first),
      'touch file; touch -h link; setfacl -b file; setfattr -n user.new -v x file; chown -h 9 link',
    )
    const { told, exitCode } = await verify('--repair')
    expect(told).to.have.members(['metadata file repaired', 'metadata link repaired'])
    expect(exitCode).to.equal(0)
    for (const name of [first, second]) {
      expect(compareTrees(before, walkTree(store.dataIn(name)))).to.deep.equal([])
    }
  })

  it('gives a file its content back and keeps the attributes that no other copy has', async () => {
    await shellIn(store.data, 'echo AAAA > file; chown 7 file; setcap cap_net_raw+ep file')
    const first = await store.snapshot()
    const before = walkTree(store.dataIn(first))
    await verify()
    await shellIn(store.data, 'touch -d 2001-01-01 file; setcap -r file; chown 8 file')
    await flip(first, 'file')
    await shellIn(store.dataIn(first), 'setcap cap_net_raw+ep file')
    expect((await verify('--repair')).told).to.deep.equal(['content file repaired'])
    expect(compareTrees(before, walkTree(store.dataIn(first)))).to.deep.equal([])
  })

  it('leaves no content damaged where only a sample of them is read', async () => {
    await shellIn(store.data, 'echo whole > file')
    const name = await store.snapshot()
    await verify()
    await shellIn(store.dataIn(name), 'echo longer than before > file')
    expect((await verify('--sample', '0', '--repair')).told).to.deep.equal([
      'metadata file repaired',
    ])
    expect(readFileSync(join(store.dataIn(name), 'file'), 'utf8')).to.equal('whole\n')
  })

  it('links the names of a file to each other again', async () => {
    await shellIn(
      store.data,
      `for i in 1 2 3; do echo $i > a$i; ln a$i b$i; done; echo x > one; cp -p one other`,
    )
    const name = await store.snapshot()
    await verify()
    await shellIn(
      store.dataIn(name),
      'rm a1 b1 a2; cp -a a3 c; rm a3 b3; cp -a c a3; mv c b3; rm one other; touch -r ../.snapshot.json .',
    )
    await verify('--repair')
    const inodes = await linesIn(name, 'stat -c "%i %h" a1 b1 a2 b2 a3 b3')
    for (const at of [0, 2, 4]) expect(inodes[at]).to.equal(inodes[at + 1])
    expect(await linesIn(name, 'stat -c %h a1 a2 a3 one other')).to.deep.equal(
      '2 2 2 1 1'.split(' '),
    )
    expect((await verify()).told).to.deep.equal([])
  })

  it('links what is missing from the snapshot that shares it, and not from a copy', async () => {
    await shellIn(store.data, 'echo other > other')
    const first = await store.snapshot()
    const second = await store.snapshot()
    await verify()
    await shellIn(store.dataIn(second), 'rm hello.txt')
    expect((await verify('--repair')).told).to.include('missing hello.txt repaired')
    const [one] = await linesIn(first, 'stat -c %i hello.txt')
    expect(await linesIn(second, 'stat -c %i hello.txt')).to.deep.equal([one])
  })

  it('does not join files that were apart, of a snapshot in which they are one', async () => {
    await shellIn(store.data, 'echo x > one; cp -p one other')
    const first = await store.snapshot()
    await shellIn(store.data, 'ln -f one other')
    await store.snapshot()
    await verify()
    await shellIn(store.dataIn(first), 'rm one other')
    await verify('--repair')
    expect(new Set(await linesIn(first, 'stat -c %i one other'))).to.have.lengthOf(2)
    expect((await verify()).told.filter((line) => !line.startsWith('metadata '))).to.deep.equal([])
  })

  it('mends a file by a copy under another of its names', async () => {
    await shellIn(store.data, 'echo AAAA > a; ln a b; touch -d 2020-01-01 a')
    const name = await store.snapshot()
    await verify()
    await shellIn(store.data, 'rm a')
    await flip(name, 'a')
    expect((await verify('--repair')).told).to.have.members([
      'content a repaired',
      'content b repaired',
    ])
    expect(readFileSync(join(store.dataIn(name), 'a'), 'utf8')).to.equal('AAAA\n')
  })

  it('puts back what another kind of entry is in the place of', async () => {
    await shellIn(
      store.data,
      'mkdir linked filed again; for d in linked filed again; do echo $d > $d/in; done; echo file > file',
    )
    const name = await store.snapshot()
    const data = store.dataIn(name)
    const before = walkTree(data)
    await verify()
    await shellIn(
      data,
      'rm -r linked filed file; ln -s elsewhere linked; echo x > filed; mkdir file; cp -a again new; rm -r again; mv new again',
    )
    const { told } = await verify('--repair')
    expect(told.filter((line) => !line.endsWith(' repaired'))).to.deep.equal([])
    expect(compareTrees(before, walkTree(data))).to.deep.equal([])
    expect((await verify()).told).to.deep.equal([])
  })

  it('names a directory that is in the way, and leaves what is in it', async () => {
    await shellIn(store.data, 'echo file > file')
    const name = await store.snapshot()
    await verify()
    await shellIn(store.dataIn(name), 'rm file; mkdir file; echo z > file/zz')
    const { told, stdout, exitCode } = await verify('--repair')
    expect(exitCode).to.equal(1)
    expect(told).to.include('replaced file')
    expect(stdout).to.contain(`${name}/data/file`).and.to.contain('remove')
    await shellIn(store.dataIn(name), 'rm -r file')
    await verify('--repair')
    expect((await verify()).told).to.deep.equal([])
  })

  it('clears the snapshots that shared what is repaired, and no other damage of theirs', async () => {
    await shellIn(store.data, 'echo one > one; echo early > early')
    const first = await store.snapshot()
    await shellIn(store.data, 'rm early; echo late > late')
    const second = await store.snapshot()
    await verify()
    await shellIn(store.data, 'rm late')
    await flip(first, 'one')
    await verify()
    const counts = async (): Promise<Record<string, number>> => {
      const { stdout } = await store.run(['show', '--json', '-a'])
      const { verified } = JSON.parse(stdout) as { verified: { damaged: Record<string, number> } }
      return verified.damaged
    }
    expect(Object.keys(await counts())).to.have.members([first, second])
    await verify(first, '--repair')
    expect((await counts())[second]).to.equal(undefined)

    const late = join(store.dataIn(second), 'late')
    await flip(second, 'late')
    await verify()
    expect(await counts()).to.include({ [second]: 1 })
    await flip(first, 'one')
    await verify(first, '--repair')
    expect(readFileSync(late, 'utf8')).to.equal('Xate\n')
    expect(await counts()).to.include({ [second]: 1 })
  })

  it('names a snapshot that was never looked at and has the damaged file', async () => {
    await shellIn(store.data, 'echo other > other')
    const first = await store.snapshot()
    await verify()
    const second = await store.snapshot()
    await flip(first, 'hello.txt')
    const { stdout } = await store.run(['verify', first, '--json'])
    expect(stdout).to.contain(JSON.stringify([first, second]))
  })

  it('accepts what is found in a named snapshot, and tells it no more', async () => {
    await shellIn(store.data, 'mkdir d; for f in gone other rotten; do echo $f > d/$f; done')
    const first = await store.snapshot()
    const second = await store.snapshot()
    await verify()
    await shellIn(store.dataIn(first), 'cd d; rm gone; echo x > added; cp other o; mv o other')
    await shellIn(store.dataIn(second), 'rm hello.txt')
    await flip(first, 'd/rotten')
    await shellIn(store.data, 'rm -r d')
    expect((await verify('--accept')).exitCode).to.equal(2)
    expect((await verify(first, '--accept', '--repair')).exitCode).to.equal(2)

    const finished = await store.run(['verify', first, '--accept'])
    expect(finished.exitCode).to.equal(0)
    expect(finished.stdout).to.match(/^added +\S+\/d\/added +accepted/m)
    expect((await verify(first)).told).to.deep.equal([])
    expect((await store.run(['show'])).stdout).not.to.match(new RegExp(`${first}.*damaged`))
    await shellIn(store.dataIn(first), 'chmod 600 d/rotten')
    // nobody accepted what is in the other one
    expect((await verify()).told).to.have.members([
      'metadata d/rotten',
      'missing hello.txt',
      'metadata ',
    ])
  })

  it('removes what a killed one has left', async () => {
    const name = await store.snapshot()
    await verify()
    const left = join(store.directory, '.snap-volume/staging/repair-1')
    mkdirSync(left)
    writeFileSync(join(left, 'hello.txt'), 'half')
    await shellIn(store.dataIn(name), 'chmod 600 hello.txt')
    await verify('--repair')
    expect(store.leftIn('staging')).to.deep.equal([])
  })

  it('has nothing worse than work to do again after a kill at any time', async () => {
    await shellIn(
      store.data,
      'for i in 1 2 3 4; do mkdir d$i; head -c 300000 /dev/urandom > d$i/a; ln d$i/a d$i/b; echo x > d$i/c; done',
    )
    const name = await store.snapshot()
    const data = store.dataIn(name)
    const before = walkTree(data)
    await verify()
    const harm = async (): Promise<void> => {
      for (const one of ['d1/a', 'd2/c']) await flip(name, one)
      await shellIn(
        data,
        'rm d2/a d2/b; rm -r d3; echo x > d3; rm d4/c; mkdir d4/c; chmod 700 d1 .',
      )
    }
    await harm()
    const began = performance.now()
    await verify('--repair')
    const tookMs = performance.now() - began
    for (let round = 0; round < roundsOf(40, 4); round += 1) {
      await harm()
      const running = launchCli(['verify', '--repair'], { env: store.env })
      await sleep(Math.random() * tookMs)
      running.signal('SIGKILL')
      await running.end()
      await verify('--repair')
      expect(compareTrees(before, walkTree(data)), `round ${round}`).to.deep.equal([])
      expect((await verify()).told, `round ${round}`).to.deep.equal([])
    }
  })
})

import { expect } from 'chai'
import { lastDocumentOf } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'

interface Versions {
  versions: { first: string; last: string; size: number; live: boolean; snapshots: number }[]
  gone: { from: string; to: string }[]
}

describe('history', () => {
  const store = useStore()

  async function history(path: string): Promise<Versions> {
    const finished = await store.run(['history', path, '--json'])
    expect(finished.exitCode, finished.stderr).to.equal(0)
    return lastDocumentOf(finished) as unknown as Versions
  }

  async function snapshotAfter(script: string): Promise<string> {
    await shellIn(store.data, script)
    return store.snapshot()
  }

  it('has each distinct version, with the first and the last that has it', async () => {
    const first = await snapshotAfter('echo one > file')
    const second = await snapshotAfter('echo other > else')
    const third = await snapshotAfter('echo three > file')
    for (const path of [`${store.data}/file`, 'data:file', 'file']) {
      const { versions, gone } = await history(path)
      expect(
        versions.map(({ first: from, last, size, live }) => [from, last, size, live]),
      ).to.deep.equal([
        [first, second, 4, false],
        [third, third, 6, true],
      ])
      expect(gone).to.deep.equal([])
    }
  })

  it('tells when it was gone, and that it is', async () => {
    await snapshotAfter('echo one > file')
    const without = await snapshotAfter('rm file')
    await snapshotAfter('echo two > file')
    await shellIn(store.data, 'rm file')
    const { versions, gone } = await history('data:file')
    expect(versions).to.have.length(2)
    expect(gone).to.deep.equal([
      { from: without, to: without },
      { from: 'live', to: 'live' },
    ])
    const { stdout } = await store.run(['history', 'data:file'])
    expect(stdout)
      .to.include(`gone from ${without} to ${without}\n`)
      .and.include('gone since live\n')
  })

  it('has a version that only the live data have', async () => {
    await snapshotAfter('echo one > file')
    await shellIn(store.data, 'echo later > file')
    const [, live] = (await history('data:file')).versions
    expect(live).to.include({ first: 'live', last: 'live', live: true, snapshots: 0 })
  })

  it('takes a file that was copied again for the same', async () => {
    const first = await snapshotAfter('echo one > file')
    const second = await store.snapshot()
    await shellIn(store.directory, `cp -a ${second}/data/file copy; mv copy ${second}/data/file`)
    const { versions } = await history('data:file')
    expect(versions.map(({ first: from, last }) => [from, last])).to.deep.equal([[first, second]])
  })

  it('is of a directory too: another version for whatever changes below it', async () => {
    await snapshotAfter('mkdir -p a/b; echo 1 > a/b/c')
    await snapshotAfter('echo 2 > other')
    await snapshotAfter('echo 2 > a/b/c')
    const { versions } = await history('data:a')
    expect(versions.map(({ snapshots, live }) => [snapshots, live])).to.deep.equal([
      [2, false],
      [1, true],
    ])
  })

  it('is of all that a pattern fits', async () => {
    await snapshotAfter('mkdir etc; echo 1 > etc/a.conf; echo 2 > etc/b.conf')
    await snapshotAfter('rm etc/a.conf')
    const { stdout } = await store.run(['history', 'data:etc/*.conf'])
    expect(stdout)
      .to.include(`${store.data}/etc/a.conf\n`)
      .and.include(`${store.data}/etc/b.conf\n`)
  })

  it('prints a version, and the lines between two', async () => {
    await snapshotAfter("printf 'a\\nb\\n' > file")
    await snapshotAfter("printf 'a\\nc\\n' > file")
    expect((await store.run(['history', 'data:file', '--cat', '1'])).stdout).to.equal('a\nb\n')
    const between = await store.run(['history', 'data:file', '--diff', '1', '--diff', '2'])
    expect(between.stdout).to.include('-b\n+c\n')
    const asJson = await store.run(['history', 'data:file', '--cat', '1', '--json'])
    expect(asJson.exitCode).to.equal(2)
    expect(asJson.stdout).to.match(/leave out --json/)
    const missing = await store.run(['history', 'data:file', '--cat', '3'])
    expect(missing.stderr).to.match(/there is no version 3: there are 2, the oldest is 1/)
  })

  it('follows no link and no .. out of the volume', async () => {
    const outside = `${store.data}.outside`
    await shellIn(
      store.data,
      `mkdir -p ${outside} real; echo secret > ${outside}/file; ln -s ${outside} out`,
    )
    await shellIn(store.data, `ln -s ${outside}/file leads; echo 1 > real/file; mkfifo pipe`)
    await store.snapshot()
    const refused = [
      ['history', `data:../${outside.split('/').at(-1)}/file`],
      ['history', 'data:out/file'],
      ['history', 'data:leads', '--cat', '1'],
      ['history', 'data:pipe', '--cat', '1'],
      ['history', 'data:real', '--cat', '1'],
      ['diff', 'latest', '--', 'data:out/file'],
      ['diff', 'latest', '--path', '/no/such'],
    ]
    for (const words of refused) {
      const { exitCode, stdout, stderr } = await store.run(words)
      expect([1, 2], `${words.join(' ')}: ${stderr}`).to.include(exitCode)
      expect(stdout).to.equal('')
      expect(stderr).not.to.include('not foreseen')
    }
  })

  it('finds a name that has the characters of a pattern, and letters for what is no file', async () => {
    await shellIn(store.data, "echo 1 > 'a[1].txt'; mkfifo pipe")
    await store.snapshot()
    const { stdout } = await store.run(['find', 'a[1].txt'])
    expect(stdout).to.match(/^1 path$/m)
    const found = lastDocumentOf(await store.run(['history', 'data:a[1].txt', '--json']))
    expect(found['histories']).to.have.length(1)
    const [pipe] = (await history('data:pipe')).versions
    expect(pipe).to.include({ type: 'p' })
  })

  it('takes names with a leading dash or an open bracket, and ones of bytes that are no UTF-8', async () => {
    await shellIn(store.data, `echo 1 > ./-n; echo 1 > '[z'; echo 1 > "$(printf 'odd\\377')"`)
    await store.snapshot()
    for (const words of [
      ['find', '--', '-n'],
      ['find', '[z'],
      ['find', 'odd?'],
      ['history', '--', '-n'],
      ['history', 'data:[z'],
      ['history', 'data:odd?'],
      ['restore', 'latest', '--yes', '--', '-n', 'data:[z', 'data:odd?'],
    ]) {
      const { exitCode, stdout, stderr } = await store.run(words)
      expect(exitCode, `${words.join(' ')}: ${stderr}`).to.equal(0)
      expect(stdout).not.to.match(/^0 paths/m)
    }
  })

  it('refuses a path that is in no volume, or that nothing ever had', async () => {
    await store.snapshot()
    expect((await store.run(['history', '/elsewhere/file'])).exitCode).to.equal(2)
    const { exitCode, stderr } = await store.run(['history', 'data:never'])
    expect([exitCode, stderr]).to.deep.equal([
      1,
      'snap-volume: no snapshot has data:never, and neither have the live data: look for its name with "snap-volume find"\n',
    ])
  })
})

describe('find', () => {
  const store = useStore()

  it('tells in which snapshots something of a name ever was', async () => {
    await shellIn(store.data, 'mkdir -p a/b; echo 1 > a/b/fruit.ibd; echo 2 > fruit.ibd')
    const first = await store.snapshot()
    await shellIn(store.data, 'rm fruit.ibd')
    const second = await store.snapshot()
    const matches = async (...words: string[]) =>
      lastDocumentOf(await store.run(['find', ...words, '--json']))['matches']
    const gone = { volume: 'data', path: 'fruit.ibd', entry: 'f', first, last: first, live: false }
    const kept = { ...gone, path: 'a/b/fruit.ibd', last: second, live: true }
    expect(await matches('fruit.ibd')).to.deep.equal([kept, gone])
    expect(await matches('fr*')).to.deep.equal([kept, gone])
    expect(await matches('a/*/fruit.*')).to.deep.equal([kept])
    expect(await matches('nothing', '--volume', 'data')).to.deep.equal([])
    const { stdout } = await store.run(['find', 'fruit.ibd'])
    expect(stdout)
      .to.match(/fruit.ibd +@GMT\S+ +@GMT\S+, live\n/)
      .and.match(/^2 paths$/m)
  })
})

import { expect } from 'chai'
import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomOf, seed } from '../crash/support/random.ts'
import { documentsOf, lastDocumentOf, launchCli } from '../support/cli.ts'
import { roundsOf } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { mountTmpfs } from '../support/mounts.ts'
import { makeStore, useStore } from '../support/test-store.ts'
import { setTimes } from '../../src/system/set-times.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { Mutator } from './support/mutations.ts'

interface Damage {
  goodCopy: string | null
  repaired?: boolean
  what: string
  path: string
  volume: string
  snapshots: string[]
}

/** Other bytes under the old time, as a disk that rots. */
async function flip(path: string): Promise<void> {
  const { mtimeNs } = lstatSync(path, { bigint: true })
  const descriptor = openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  readSync(descriptor, byte, 0, 1, 0)
  writeSync(descriptor, Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, 0)
  closeSync(descriptor)
  await setTimes([{ path, ns: mtimeNs }], {})
}

describe('verify', function () {
  this.timeout(600_000)
  const store = useStore()

  async function verify(
    ...words: string[]
  ): Promise<{ damage: Damage[]; exitCode: number | undefined }> {
    const finished = await store.run(['verify', ...words, '--json'])
    const damage = documentsOf(finished).filter(({ type }) => type === 'damage')
    return { damage: damage as unknown as Damage[], exitCode: finished.exitCode }
  }

  it('records a snapshot the first time, and compares it from then on', async () => {
    const name = await store.snapshot()
    const first = await store.run(['verify', '--json'])
    expect(lastDocumentOf(first)).to.include({ recorded: 1, compared: 0, damaged: 0 })
    expect(lastDocumentOf(await store.run(['verify', name, '--json']))).to.include({
      recorded: 0,
      compared: 1,
      damaged: 0,
    })
  })

  it('reads a file that several snapshots have once', async () => {
    await store.snapshot()
    await store.snapshot()
    expect(lastDocumentOf(await store.run(['verify', '--json']))).to.include({ read: 1 })
    expect(lastDocumentOf(await store.run(['verify', '--json']))).to.include({
      read: 1,
      compared: 2,
    })
  })

  it('finds everything that somebody can do to a snapshot, and names all that have it', async () => {
    await shellIn(
      store.data,
      'mkdir below; for name in flipped mode owner attribute acl exchanged deleted; do echo $name > below/$name; done',
    )
    const [first, second] = [await store.snapshot(), await store.snapshot()]
    await verify()
    const data = store.dataIn(first)
    await flip(join(data, 'below/flipped'))
    await shellIn(
      data,
      `cd below; chmod 600 mode; chown 7 owner; setfattr -n user.new -v x attribute; setfacl -m u:7:r acl
      cp -a exchanged copy; mv copy exchanged; rm deleted; echo new > added`,
    )

    const { damage, exitCode } = await verify()
    expect(exitCode).to.equal(1)
    const told = damage.map(({ what, path, snapshots }) => `${what} ${path} ${snapshots.length}`)
    expect(told).to.have.members([
      'content below/flipped 2',
      'metadata below/mode 2',
      'metadata below/owner 2',
      'metadata below/attribute 2',
      'metadata below/acl 2',
      'replaced below/exchanged 1',
      'missing below/deleted 1',
      'added below/added 1',
      'metadata below 1',
    ])
    expect(damage.find(({ path }) => path === 'below/flipped')?.snapshots).to.deep.equal([
      first,
      second,
    ])
    const { stdout } = await store.run(['verify'])
    expect(stdout).to.match(
      new RegExp(`^content +${store.data}/below/flipped +live +${first} ${second}$`, 'm'),
    )
  })

  it('repairs what has a good copy, for all snapshots that share it', async () => {
    await shellIn(
      store.data,
      `mkdir below other; echo lost > other/lost
      for name in flipped cut mode owner attribute exchanged deleted $'odd\\nn\\xff'; do echo $name > "below/$name"; done
      head -c 3000000 /dev/urandom > below/large
      chown 7 below/flipped; setcap cap_net_raw+ep below/flipped`,
    )
    const names = [await store.snapshot(), await store.snapshot()]
    const before = names.map((name) => walkTree(store.dataIn(name)))
    await verify()

    const [data = '', other = ''] = names.map((name) => store.dataIn(name))
    for (const name of ['flipped', 'large']) await flip(join(data, 'below', name))
    await shellIn(
      data,
      `cd below; truncate -s 3 cut; chmod 600 mode; chown 8 owner; setfattr -n user.new -v x attribute
      chmod 600 odd*; cp exchanged copy; mv copy exchanged; rm deleted`,
    )
    // nobody has it any more
    for (const root of [store.data, data, other]) await shellIn(root, 'rm other/lost')

    const copies = new Map((await verify()).damage.map(({ path, goodCopy }) => [path, goodCopy]))
    expect(copies.get('below/deleted')).to.equal(names[1])
    expect(copies.get('other/lost')).to.equal(null)
    const { damage, exitCode } = await verify('--repair')
    expect(exitCode).to.equal(1)
    const left = damage.filter(({ repaired }) => repaired !== true).map(({ path }) => path)
    expect(left).to.have.members(['other/lost', 'other/lost', 'other', 'other'])

    for (const [index, root] of [data, other].entries()) {
      const wanted = new Map(before[index])
      wanted.delete('other/lost')
      const differences = compareTrees(wanted, walkTree(root))
      expect(differences.filter((line) => !line.startsWith('"other": mtime'))).to.deep.equal([])
    }
    expect((await verify()).damage.map(({ path }) => path)).to.have.members(left)
  })

  it('repairs from another snapshot what the live data have otherwise', async () => {
    await shellIn(store.data, 'echo one > file; echo other > other')
    const [first, second] = [await store.snapshot(), await store.snapshot()]
    await verify()
    await shellIn(store.data, 'echo new > file; rm other')
    await shellIn(store.dataIn(first), 'rm file; mv other away')
    const { damage, exitCode } = await verify('--repair')
    const told = damage.map(({ what, path, goodCopy, repaired }) => {
      return [what, path, goodCopy, repaired]
    })
    expect(told).to.deep.include.members([
      ['missing', 'file', second, true],
      ['missing', 'other', second, true],
      ['added', 'away', null, false],
    ])
    expect(exitCode).to.equal(1)
    await shellIn(store.dataIn(first), 'rm away')
    await verify('--repair')
    expect((await verify()).damage).to.deep.equal([])
  })

  it('is told in show, status and before a restore, until it is repaired', async () => {
    const name = await store.snapshot()
    await verify()
    await flip(join(store.dataIn(name), 'hello.txt'))
    await verify()
    expect((await store.run(['show'])).stdout).to.match(new RegExp(`${name}.*damaged`))
    expect((await store.run(['status'])).stdout).to.contain('verify --repair')
    const restored = await store.run(['restore', name, '--yes'])
    expect(restored.stderr).to.match(/1 path .*damaged/)
    await verify('--repair')
    expect((await store.run(['show'])).stdout).not.to.contain('damaged')
  })

  it('records new snapshots only, and compares none, with --new', async () => {
    const name = await store.snapshot()
    const { recorded } = lastDocumentOf(await store.run(['verify', '--new', '--json']))
    expect(recorded).to.equal(1)
    await flip(join(store.dataIn(name), 'hello.txt'))
    await store.snapshot()
    const again = await store.run(['verify', '--new', '--json'])
    expect(lastDocumentOf(again)).to.include({ recorded: 1, compared: 0, damaged: 0 })
    expect((await verify()).exitCode).to.equal(1)
  })

  it('reads a sample, or newer ones only', async () => {
    await shellIn(store.data, 'for i in $(seq 100); do echo $i > $i; done')
    const [, second] = [await store.snapshot(), await store.snapshot()]
    await verify()
    const { read } = lastDocumentOf(await store.run(['verify', '--sample', '20%', '--json']))
    expect(read).to.be.within(1, 60)
    const newer = await store.run(['verify', '--since', second, '--json'])
    expect(lastDocumentOf(newer)).to.include({ compared: 1 })
    expect((await store.run(['verify', '--sample', 'some'])).exitCode).to.equal(2)
  })

  it('goes on where it was killed, or its own files are broken', async () => {
    await shellIn(store.data, 'for i in $(seq 20); do echo $i > $i; done')
    await store.snapshot()
    await verify()
    const digests = join(store.directory, '.snap-volume/verify.digests')
    truncateSync(digests, readFileSync(digests).length - 30)
    expect((await verify()).damage).to.deep.equal([])
    for (const at of [10, 30, 60, 200]) {
      const content = readFileSync(digests)
      content.writeUInt8(content.readUInt8(at) ^ 4, at)
      writeFileSync(digests, content)
      expect((await verify()).damage).to.deep.equal([])
    }
    await shellIn(
      join(store.directory, '.snap-volume/verify'),
      'for f in *; do echo broken > "$f"; done',
    )
    expect((await verify()).damage).to.deep.equal([])
    writeFileSync(digests, '')
    expect((await verify()).damage).to.deep.equal([])
  })

  it('finds damage in a snapshot that shares it and is looked at for the first time', async () => {
    const first = await store.snapshot()
    await verify()
    const second = await store.snapshot()
    await flip(join(store.dataIn(first), 'hello.txt'))
    const { damage } = await verify(second)
    expect(damage.map(({ what, snapshots }) => [what, snapshots])).to.deep.equal([
      ['content', [first, second]],
    ])
  })

  it('finds a snapshot whose data are gone', async () => {
    const name = await store.snapshot()
    await verify()
    await shellIn(store.directory, `mv ${name}/data elsewhere`)
    for (const words of [[], [name]]) {
      const { damage, exitCode } = await verify(...words)
      expect(exitCode).to.equal(1)
      expect(damage).to.deep.equal([
        {
          type: 'damage',
          volume: 'data',
          path: '',
          what: 'missing',
          snapshots: [name],
          goodCopy: null,
        },
      ])
    }
    await shellIn(store.directory, `mv elsewhere ${name}/data`)
    expect((await verify()).damage).to.deep.equal([])
  })

  it('says how many files had no digest, so that a lost table is noticed', async () => {
    await store.snapshot()
    await verify()
    writeFileSync(join(store.directory, '.snap-volume/verify.digests'), '')
    const { firstRead, compared } = lastDocumentOf(await store.run(['verify', '--json']))
    expect({ firstRead, compared }).to.deep.equal({ firstRead: 2, compared: 1 })
  })

  it('takes a time before all snapshots for all of them', async () => {
    await store.snapshot()
    const finished = await store.run(['verify', '--since', '2 days ago', '--json'])
    expect(lastDocumentOf(finished)).to.include({ recorded: 1 })
  })

  it('says that the store is full where it is', async () => {
    const filesystem = await mountTmpfs('size=8m')
    const full = await makeStore({ on: filesystem.path, dataOn: tmpdir() })
    try {
      await full.snapshot()
      await shellIn(full.directory, 'cat /dev/zero > filler 2> /dev/null || true')
      const { stderr } = await full.run(['verify'])
      expect(stderr).to.match(
        /: the store \S+ is full \(0 B are left\): not all is verified; free /,
      )
    } finally {
      await full.remove()
      await filesystem.remove()
    }
  })

  it(`finds damage of every kind, wherever it is (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    const random = randomOf('damage')
    const count = roundsOf(100, 25)
    await shellIn(
      store.data,
      `for i in $(seq ${2 * count}); do mkdir -p $((i % 7)); head -c $((i * 37)) /dev/urandom > $((i % 7))/$i; done`,
    )
    const names = [await store.snapshot(), await store.snapshot(), await store.snapshot()]
    await verify()
    const kinds = {
      flip: async (path: string) => flip(path),
      mode: async (path: string) => shellIn('/', `chmod 601 '${path}'`),
      owner: async (path: string) => shellIn('/', `chown 77 '${path}'`),
      attribute: async (path: string) => shellIn('/', `setfattr -n user.a -v b '${path}'`),
      exchange: async (path: string) =>
        shellIn('/', `cp -a '${path}' '${path}.x' && mv '${path}.x' '${path}'`),
    }
    const done = new Map<string, number>()
    for (let round = 0; round < count; round += 1) {
      const file = 1 + Math.floor(random() * 2 * count)
      const path = `${file % 7}/${file}`
      if (done.has(path)) continue
      const [kind, damage] = Object.entries(kinds)[Math.floor(random() * 5)] ?? []
      const name = names[Math.floor(random() * names.length)] ?? ''
      await damage?.(join(store.dataIn(name), path))
      // another file is at the path of one snapshot, and what is damaged is in all
      done.set(path, kind === 'exchange' ? 1 : names.length)
    }

    const { damage } = await verify()
    const told = new Map(damage.map(({ path, snapshots }) => [path, snapshots.length]))
    for (const [path, snapshots] of done) expect(told.get(path), path).to.equal(snapshots)
    const others = [...told.keys()].filter((path) => !done.has(path))
    // of which a name was exchanged
    expect(others.filter((path) => !/^\d$/.test(path))).to.deep.equal([])
  })

  it('has nothing worse than work to do again after a kill at any time', async () => {
    await shellIn(store.data, 'for i in $(seq 300); do head -c 20000 /dev/urandom > $i; done')
    await store.snapshot()
    const began = performance.now()
    await verify()
    const tookMs = performance.now() - began
    for (let round = 0; round < roundsOf(30, 6); round += 1) {
      await shellIn(store.data, `echo ${round} > ${round + 1}`)
      await store.snapshot()
      const running = launchCli(['verify'], { env: store.env })
      await sleep(Math.random() * tookMs)
      running.signal('SIGKILL')
      await running.end()
      const { damage, exitCode } = await verify()
      expect([damage, exitCode], `round ${round}`).to.deep.equal([[], 0])
    }
  })

  it(`raises no false alarm over a random series (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    const random = randomOf('verify')
    const mutator = new Mutator(store.data, random)
    mutator.grow()
    for (let round = 0; round < roundsOf(60, 8); round += 1) {
      const done = mutator.mutate()
      await store.snapshot()
      const names = store.snapshotNames()
      const [one = ''] = names.toSorted(() => random() - 0.5)
      if (names.length > 4) await store.run(['remove', one, '--yes'])
      if (random() < 0.2) await store.run(['restore', 'latest', '--yes'])
      if (random() < 0.2) await store.run(['annotate', 'latest', '--label', `round=${round}`])
      const { damage, exitCode } = await verify()
      expect(damage, `round ${round}: ${done.join(', ')}`).to.deep.equal([])
      expect(exitCode).to.equal(0)
    }
  })
})

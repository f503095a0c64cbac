import { expect } from 'chai'
import { execFileSync } from 'node:child_process'
import { lstatSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomOf, seed } from '../crash/support/random.ts'
import { lastDocumentOf } from '../support/cli.ts'
import {
  type FilesystemType,
  type LoopFilesystem,
  mountLoopFilesystem,
  whyNoLoopFilesystem,
} from '../support/loop-filesystem.ts'
import { roundsOf } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type TestStore, makeStore, useStore } from '../support/test-store.ts'

interface Usage {
  freedBytes: number
  freedInodes: number
  bound: string
  totalBytes: number
  snapshots: { name: string; bytes: number; addedBytes: number; freedBytes: number }[]
}

async function usage(store: TestStore, ...words: string[]): Promise<Usage> {
  const finished = await store.run(['usage', ...words, '--json'])
  expect(finished.exitCode, finished.stderr).to.equal(0)
  return lastDocumentOf(finished) as unknown as Usage
}

/** A command that makes a file of random bytes. */
function file(name: string, kib: number): string {
  return `head -c ${kib}K /dev/urandom > ${name}`
}

describe('usage', () => {
  const store = useStore()

  it('tells what each gives back alone, and what they give back together', async () => {
    await shellIn(store.data, `${file('in-both', 512)}; ${file('in-first', 256)}`)
    const first = await store.snapshot()
    await shellIn(store.data, `rm in-first; ${file('in-second', 128)}`)
    const second = await store.snapshot()
    await shellIn(store.data, 'rm in-both in-second')
    await store.snapshot()

    const freed = async (...names: string[]): Promise<number> =>
      Math.round((await usage(store, ...names)).freedBytes / 1024 / 128)
    expect(await freed(first)).to.equal(2)
    expect(await freed(second)).to.equal(1)
    expect(await freed(first, second)).to.equal(7)
    expect(await freed('--oldest', '2')).to.equal(7)
  })

  it('has a table for people', async () => {
    const name = await store.snapshot()
    const { stdout } = await store.run(['usage'])
    expect(stdout).to.match(/^SNAPSHOT +SIZE +ADDED +FREES +INODES$/m)
    expect(stdout).to.match(new RegExp(`^${name} +6 B +4.1 kB +\\S+ kB +\\d+$`, 'm'))
    expect(stdout).to.match(/^all snapshots together take /m)
  })

  it('walks a snapshot once, and forgets those that were removed or exchanged', async () => {
    const [first, second] = [await store.snapshot(), await store.snapshot()]
    const before = await usage(store)
    expect(before.snapshots.map(({ name }) => name)).to.deep.equal([first, second])
    await store.run(['remove', first, '--yes'])
    // as another one of the same name
    await shellIn(
      store.directory,
      `cp -a ${second} other; head -c 1M /dev/urandom > other/data/more; rm -r ${second}; mv other ${second}`,
    )
    const after = await usage(store, second)
    expect(after.snapshots.map(({ name }) => name)).to.deep.equal([second])
    expect(after.freedBytes).to.be.greaterThan(1_000_000)
  })

  it('walks again where the cache is broken, and where it is of nobody', async () => {
    const name = await store.snapshot()
    const whole = await usage(store, name)
    const cache = join(store.directory, '.snap-volume/usage.cache')
    const content = readFileSync(cache)
    for (const broken of ['', 'x', content.subarray(0, content.length - 1)]) {
      writeFileSync(cache, broken)
      expect((await usage(store, name)).freedBytes).to.equal(whole.freedBytes)
    }
    rmSync(cache)
    expect((await usage(store, name)).freedBytes).to.equal(whole.freedBytes)
  })

  it('refuses a number that is none, and names beside it', async () => {
    const name = await store.snapshot()
    expect((await store.run(['usage', '--oldest', 'two'])).exitCode).to.equal(2)
    expect((await store.run(['usage', name, '--oldest', '1'])).exitCode).to.equal(2)
    expect((await store.run(['usage', '@GMT-1999'])).exitCode).to.equal(1)
  })
})

/** What a filesystem gives back beside the blocks of files: XFS its inodes, btrfs its trees. */
const besides: Readonly<Record<'ext4' | 'xfs' | 'btrfs', (inodes: number) => number>> = {
  ext4: () => 0,
  xfs: (inodes) => 512 * inodes + 64 * 4096,
  btrfs: (inodes) => 16_384 * (64 + inodes / 8),
}

for (const type of ['ext4', 'xfs', 'btrfs'] satisfies FilesystemType[]) {
  describe(`usage on ${type}`, function () {
    this.timeout(600_000)
    const sets = roundsOf(50, 4)
    let filesystem: LoopFilesystem | undefined
    let store: TestStore

    before(async function () {
      const reason = await whyNoLoopFilesystem(type)
      if (reason !== undefined) skipBecause(this, reason)
      filesystem = await mountLoopFilesystem(type, { sizeMiB: 1024 })
    })
    beforeEach(async () => {
      // data elsewhere: a file that shares its blocks with them would not be freed
      store = await makeStore({ on: filesystem?.path ?? '', dataOn: tmpdir() })
    })
    afterEach(() => store.remove())
    after(() => filesystem?.remove())

    it(`says what comes back when a set of snapshots goes (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
      const random = randomOf(`usage on ${type}`)
      const below = (limit: number): number => Math.floor(random() * limit)
      const fill = async (): Promise<void> => {
        const changes = Array.from({ length: 4 }, () => {
          const name = `d${below(3)}/f${below(8)}`
          return `head -c ${1 + below(300)}K /dev/urandom > ${name}`
        })
        await shellIn(store.data, `mkdir -p d0 d1 d2; ${changes.join('; ')}; rm -f d0/f${below(8)}`)
        await store.snapshot()
      }

      for (let set = 0; set < sets; set += 1) {
        while (store.snapshotNames().length < 5) await fill()
        const chosen = store.snapshotNames().filter(() => random() < 0.5)
        if (chosen.length === 0) continue
        const { freedBytes, freedInodes, bound } = await usage(store, ...chosen)
        expect(bound).to.equal('exact')
        const before = freeBytes(store)
        await store.run(['remove', ...chosen, '--yes'])
        const back = freeBytes(store) - before
        const what = `set ${set} of ${chosen.length}: said ${freedBytes}, came back ${back}`
        // the trees of btrfs grow by what is deleted
        const least = type === 'btrfs' ? freedBytes - 65_536 : freedBytes
        expect(back, what).to.be.at.least(least)
        expect(back, what).to.be.at.most(freedBytes + besides[type](freedInodes))
      }
    })
  })
}

describe('usage where files share contents with the live data', () => {
  let filesystem: LoopFilesystem | undefined
  let store: TestStore

  before(async function () {
    const reason = await whyNoLoopFilesystem('xfs')
    if (reason !== undefined) skipBecause(this, reason)
    filesystem = await mountLoopFilesystem('xfs', { sizeMiB: 512 })
  })
  beforeEach(async () => {
    store = await makeStore({ on: filesystem?.path ?? '' })
  })
  afterEach(() => store.remove())
  after(() => filesystem?.remove())

  it('promises no exact number, also when the snapshot that copied them is gone', async () => {
    await shellIn(store.data, file('large', 4096))
    const [first, ...others] = [
      await store.snapshot(),
      await store.snapshot(),
      await store.snapshot(),
    ]
    expect((await usage(store, first)).bound).to.equal('at-most')
    await store.run(['remove', first, '--yes'])
    expect((await usage(store, ...others)).bound).to.equal('at-most')
  })
})

/** Without what the program's own files take, such as the log of what was done. */
function freeBytes(store: TestStore): number {
  const own = join(store.directory, '.snap-volume')
  execFileSync('sync', ['-f', store.directory])
  const { bfree, bsize } = statfsSync(store.directory)
  const names = ['acts.jsonl', 'usage.cache']
  const blocks = names.map(
    (name) => lstatSync(join(own, name), { throwIfNoEntry: false })?.blocks ?? 0,
  )
  return bfree * bsize + blocks.reduce((sum, count) => sum + count * 512, 0)
}

import { expect } from 'chai'
import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import {
  type LoopFilesystem,
  mountLoopFilesystem,
  whyNoLoopFilesystem,
} from '../support/loop-filesystem.ts'
import { lastDocumentOf } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

const mebibyte = 1024 * 1024

describe('SNAP_MIN_FREE', function () {
  this.timeout(120_000)
  let filesystem: LoopFilesystem | undefined
  let store: TestStore
  let names: string[]

  before(async function () {
    const reason = await whyNoLoopFilesystem('ext4')
    if (reason !== undefined) skipBecause(this, reason)
    filesystem = await mountLoopFilesystem('ext4', { sizeMiB: 128 })
  })

  beforeEach(async () => {
    store = await makeStore({ on: filesystem?.path ?? '', dataOn: tmpdir() })
    names = []
    for (const number of [1, 2, 3, 4, 5, 6]) {
      await shellIn(store.data, `rm -f large; head -c 4M /dev/urandom > large; echo ${number} > n`)
      names.push(await store.snapshot())
    }
  })

  afterEach(() => store.remove())
  after(() => filesystem?.remove())

  const free = (): number => {
    const { bavail, bsize } = statfsSync(store.directory)
    return bavail * bsize
  }
  const withMinFree = (mebibytes: number): { env: Record<string, string> } => ({
    env: { SNAP_MIN_FREE: `${Math.round(free() / mebibyte + mebibytes)}M` },
  })

  it('removes the oldest, no more than are needed, and says what came back', async () => {
    const { exitCode, stdout, stderr } = await store.run(['prune'], withMinFree(6))
    expect(exitCode, stderr).to.equal(3)
    expect(store.snapshotNames()).to.deep.equal(names.slice(2))
    expect(stderr).to.match(
      /warning: less was free than SNAP_MIN_FREE=\d+M?.* the 2 oldest snapshots were removed, 8\.\d* MB came back/,
    )
    expect(stdout).to.match(new RegExp(`remove +${names[0]} +the oldest, while less is free`))
  })

  it('is foreseen by --dry-run, which removes nothing', async () => {
    const { env } = withMinFree(6)
    for (const [max, gone] of [
      ['128', names.slice(0, 2)],
      ['5', names.slice(0, 2)],
      ['3', names.slice(0, 3)],
    ] as const) {
      const planned = await store.run(['prune', '--dry-run', '--json'], {
        env: { ...env, SNAP_MAX: max },
      })
      const { plan } = lastDocumentOf(planned) as { plan: { name: string; keep: boolean }[] }
      expect(plan.flatMap(({ name, keep }) => (keep ? [] : name))).to.deep.equal(gone)
    }
    expect(store.snapshotNames()).to.deep.equal(names)
  })

  it('does so after a snapshot too', async () => {
    const { exitCode } = await store.run(['snapshot'], withMinFree(2))
    expect(exitCode).to.equal(3)
    expect(store.snapshotNames().slice(0, -1)).to.deep.equal(names.slice(1))
  })

  it('removes nothing where all that may go would not do, and says so', async () => {
    const { exitCode, stderr } = await store.run(['prune'], withMinFree(40))
    expect(exitCode).to.equal(3)
    expect(stderr).to.match(
      /removing every snapshot that may go would give back 12\.\d* MB .*: nothing was removed/,
    )
    expect(store.snapshotNames()).to.deep.equal(names)
  })

  it('passes over pinned ones', async () => {
    await store.run(['annotate', names[0] ?? '', '--pin'])
    await store.run(['prune'], withMinFree(2))
    expect(store.snapshotNames()).to.deep.equal(names.filter((name) => name !== names[1]))
  })

  it('does nothing while enough is free', async () => {
    expect((await store.run(['prune'], withMinFree(-10))).exitCode).to.equal(0)
    expect((await store.run(['prune'], { env: { SNAP_MIN_FREE: '1%' } })).exitCode).to.equal(0)
    expect(store.snapshotNames()).to.deep.equal(names)
  })

  it('refuses what is neither a share nor a size', async () => {
    const finished = await store.run(['prune'], { env: { SNAP_MIN_FREE: 'much' } })
    expectRefusal(
      finished,
      2,
      /SNAP_MIN_FREE is "much": it must be a share of the store, such as 10%/,
    )
  })
})

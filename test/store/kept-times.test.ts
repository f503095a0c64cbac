import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type KeptTimes, keptTimesOf, measureKeptTimes } from '../../src/system/kept-times.ts'
import { asKept } from '../../src/copy/index/proof.ts'
import type { FilesystemType, LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

const secondNs = 1_000_000_000n

const filesystems: { title: string; type: FilesystemType; inodeBytes?: number; stepNs: bigint }[] =
  [
    { title: 'ext4', type: 'ext4', stepNs: 1n },
    { title: 'ext4 with small inodes', type: 'ext4', inodeBytes: 128, stepNs: secondNs },
    { title: 'XFS', type: 'xfs', stepNs: 1n },
    { title: 'btrfs', type: 'btrfs', stepNs: 1n },
  ]

const dates = [
  '1583-01-01T00:00:00.5Z',
  '1901-12-13T20:45:52.000000001Z',
  '1969-12-31T23:59:59.123456789Z',
  '2024-02-29T12:00:00.999999999Z',
  '2040-01-01T00:00:00.1Z',
  '2600-01-01T00:00:00Z',
]

for (const { title, type, inodeBytes, stepNs } of filesystems) {
  describe(`The times that ${title} keeps`, () => {
    let filesystem: LoopFilesystem
    let times: KeptTimes

    before(async function () {
      filesystem = await loopOrSkip(this, type, inodeBytes === undefined ? {} : { inodeBytes })
      times = measureKeptTimes(join(filesystem.path, 'any'))
    })

    after(() => filesystem?.remove())

    it('are found out, and nothing is left behind', () => {
      expect(times.stepNs).to.equal(stepNs)
      expect(readdirSync(filesystem.path).filter((name) => name !== 'lost+found')).to.deep.equal([])
    })

    for (const date of dates) {
      it(`are known of ${date}`, async () => {
        await shellIn(filesystem.path, `touch -d ${date} file`)
        const { mtimeNs } = lstatSync(join(filesystem.path, 'file'), { bigint: true })
        const instant = await shellIn(filesystem.path, `rm file; date -d ${date} +'%s %-N'`)
        const [seconds = 0n, fractionNs = 0n] = instant.split(' ').map(BigInt)
        expect(asKept(seconds * secondNs + fractionNs, times)).to.equal(mtimeNs)
      })
    }
  })
}

describe('A directory in which nothing can be written', () => {
  it('is taken to keep times exactly', () => {
    expect(keptTimesOf('/proc/self').stepNs).to.equal(1n)
  })
})

describe('A store that keeps times in seconds', () => {
  let filesystem: LoopFilesystem
  let store: TestStore

  before(async function () {
    filesystem = await loopOrSkip(this, 'ext4', { inodeBytes: 128 })
    const env = { SNAP_ENGINE: 'link' }
    store = await makeStore({ on: filesystem.path, dataOn: '/var/tmp', env })
  })

  after(async () => {
    await store?.remove()
    await filesystem?.remove()
  })

  async function expectLinked(...paths: string[]): Promise<void> {
    await untilAllIsOld(store.data)
    const first = await store.snapshot()
    const second = await store.snapshot()
    for (const path of paths) {
      const [before, after] = [first, second].map((name) =>
        lstatSync(join(store.dataIn(name), path)),
      )
      expect(after?.ino, path).to.equal(before?.ino)
    }
  }

  it('has files linked whose times it cannot keep', async () => {
    await shellIn(
      store.data,
      'mkdir d; for f in 1 2 3; do echo $f > d/$f; done; touch -d 1901-01-01 d/1; touch -d 2040-01-01 d/2',
    )
    await expectLinked('d/1', 'd/2', 'd/3', 'hello.txt')
  })

  it('has a file linked whose mtime is beyond 2262', async () => {
    await shellIn(store.data, 'mkdir -p d; echo far > d/far; touch -d 2400-01-01 d/far d')
    await expectLinked('d/far')
  })

  it('restores what it has', async () => {
    const latest = store.snapshotNames().at(-1) ?? ''
    await shellIn(store.data, 'echo changed > d/1; rm d/2; echo more > d/more')
    const { exitCode, stderr } = await store.run(['restore', latest, '--yes'])
    expect(exitCode, stderr).to.equal(0)
    // what did not change keeps the times that the store cannot
    const times = keptTimesOf(store.directory)
    const live = new Map(
      [...walkTree(store.data)].map(([path, { mtime, ...entry }]) => [
        path,
        { ...entry, mtime: String(asKept(BigInt(mtime), times)) },
      ]),
    )
    expect(compareTrees(walkTree(store.dataIn(latest)), live)).to.deep.equal([])
  })
})

import { closeSync, fdatasyncSync, lstatSync, openSync, readFileSync, writeSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { loopOrSkip } from '../support/places.ts'
import type { FilesystemType } from '../support/loop-filesystem.ts'
import { howOften, sample } from '../support/sample.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type FailingDisk, attachDisk, exchangeOnDevice } from './support/failing-disk.ts'

/** As long as a file has to be that btrfs keeps outside of its checksummed metadata. */
const bytes = 16_384
const [first, other] = [
  'the content that was there first',
  'another content of equal length!',
] as const

interface Failure {
  title: string
  type: FilesystemType
  mountOptions?: string[]
  /** Gives the file its other content, and keeps its times. */
  exchange: (disk: FailingDisk, file: string) => Promise<void>
}

/** fdatasync(2) writes the content; the log with the new times is lost. */
async function loseTimes(disk: FailingDisk, file: string): Promise<void> {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, other)
  fdatasyncSync(descriptor)
  closeSync(descriptor)
  await disk.fail()
  await disk.mountAgain()
}

async function writePastFilesystem(disk: FailingDisk): Promise<void> {
  await disk.mountAgain(async (device) => exchangeOnDevice(device, first, other))
}

const failures: readonly Failure[] = [
  { title: 'an ext4 that failed before the times were written', type: 'ext4', exchange: loseTimes },
  { title: 'an XFS that failed before the times were written', type: 'xfs', exchange: loseTimes },
  {
    title: 'an ext4 whose disk came back with other data',
    type: 'ext4',
    exchange: writePastFilesystem,
  },
  {
    title: 'an XFS whose disk came back with other data',
    type: 'xfs',
    exchange: writePastFilesystem,
  },
  {
    title: 'a btrfs whose disk came back with other data',
    type: 'btrfs',
    // or the data would not fit to their checksum
    mountOptions: ['nodatasum'],
    exchange: writePastFilesystem,
  },
]

const someFailures = sample(failures, howOften(failures.length, 1), 'failures')

for (const { title, type, mountOptions, exchange } of someFailures) {
  describe(`Of ${title}, mounted again in the same boot, a file with the change time it had`, function () {
    this.timeout(120_000)

    let disk: FailingDisk
    let store: TestStore
    let file: string

    before(async function () {
      await (await loopOrSkip(this, type)).remove()
      disk = await attachDisk(type, mountOptions)
    })

    beforeEach(async () => {
      store = await makeStore({ dataOn: disk.path, env: { SNAP_ENGINE: 'link' } })
      file = join(store.data, 'file')
      await writeFile(file, first.padEnd(bytes))
      await untilAllIsOld(store.data)
      await store.snapshot()
    })

    afterEach(() => store?.remove())
    after(() => disk?.remove())

    async function fail(): Promise<void> {
      const before = lstatSync(file, { bigint: true })
      await exchange(disk, file)
      const { ino, ctimeNs, mtimeNs, size } = lstatSync(file, { bigint: true })
      expect({ ino, ctimeNs, mtimeNs, size }, 'what tells of a change').to.deep.equal({
        ino: before.ino,
        ctimeNs: before.ctimeNs,
        mtimeNs: before.mtimeNs,
        size: before.size,
      })
      expect(contentIn(store.data), 'live').to.equal(other)
    }

    const preparations: [when: string, prepare: () => Promise<void>][] = [
      ['', () => Promise.resolve()],
      [', also when links were made in advance', () => store.prelink()],
    ]
    for (const [when, prepare] of preparations) {
      it(`is in the next snapshots as it is${when}`, async () => {
        await prepare()
        const [before = ''] = store.snapshotNames()
        await fail()
        for (let count = 0; count < 2; count += 1) {
          const name = await store.snapshot()
          expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
        }
        expect(contentIn(store.dataIn(before)), 'the snapshot before').to.equal(first)
      })

      it(`is restored, and the safety snapshot has it as it was${when}`, async () => {
        await prepare()
        const [before = ''] = store.snapshotNames()
        await fail()
        const damaged = walkTree(store.data)
        const restored = await store.run(['restore', before, '--yes'])
        expect(restored.exitCode, restored.stderr).to.equal(0)
        expect(contentIn(store.data), 'live').to.equal(first)
        const safety = store.snapshotNames().at(-1) ?? ''
        expect(compareTrees(damaged, walkTree(store.dataIn(safety))), 'safety').to.deep.equal([])
        const undone = await store.run(['restore', '--undo', '--yes'])
        expect(undone.exitCode, undone.stderr).to.equal(0)
        expect(compareTrees(damaged, walkTree(store.data)), 'undone').to.deep.equal([])
      })
    }
  })
}

function contentIn(tree: string): string {
  return readFileSync(join(tree, 'file'), 'utf8').trimEnd()
}

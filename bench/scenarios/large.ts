import { statfsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { LoopFilesystem } from '../../test/support/loop-filesystem.ts'
import type { Bench, Scenario } from '../bench.ts'
import { makeStore } from '../contenders/make-store.ts'
import { rsyncLinkDest } from '../contenders/rsync.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import type { SnapshotStore } from '../contenders/store.ts'
import { type Series, formatCount, secondsOf } from '../figures.ts'
import { onFilesystem } from '../filesystem.ts'
import { type LargeFile, makeLargeFile } from '../large-file.ts'
import { type Contender, measure } from '../measure.ts'
import { settle } from '../tree.ts'

const mebibyte = 1024 * 1024
const fullMiB = 2000
const leastMiB = 64
const filesForFull = 100_000

export const large: Scenario = async (bench) => {
  const sizeMiB = Math.round((fullMiB * bench.fileCount) / filesForFull)
  const fileMiB = Math.min(fullMiB, Math.max(leastMiB, sizeMiB))
  // three sources, three first snapshots, and two of rsync's at a time
  return onFilesystem('xfs', { sizeMiB: 1024 + 12 * fileMiB }, (filesystem) =>
    measureLarge(bench, filesystem, fileMiB * mebibyte),
  )
}

async function measureLarge(bench: Bench, filesystem: LoopFilesystem, bytes: number) {
  const { run } = bench
  const home = filesystem.path
  const makeSource = async (name: string): Promise<{ root: string; file: LargeFile }> => {
    const root = join(home, name)
    await mkdir(root)
    return { root, file: await makeLargeFile(join(root, 'file'), bytes) }
  }
  const ourSource = await makeSource('our-source')
  const ours = snapVolume(run, ourSource.root)
  const ourStore = await makeStore(home, ours)
  const probes = [probe(filesystem, ourSource.file, ours.name, ourStore)]
  const stores: SnapshotStore[] = [ourStore]
  for (const durable of [false, true]) {
    const { root, file } = await makeSource(durable ? 'durable-source' : 'rsync-source')
    const rsync = rsyncLinkDest(run, root, { durable })
    const store = await makeStore(home, rsync)
    stores.push(store)
    probes.push(probe(filesystem, file, rsync.name, store, store.removeOldest))
  }
  await settle()
  for (const store of stores) await store.snapshot()
  const seconds = await measure(
    bench,
    probes.map(({ contender }) => contender),
  )
  const size = `${formatCount(bytes / mebibyte)} MiB`
  const title = `1 % of a file of ${size} overwritten in blocks of 16 KiB, XFS`
  return [
    secondsOf(title, seconds, [
      'snap-volume has the data on the disk when it ends, rsync without sync -f in memory',
    ]),
    {
      title: `${title}: new bytes for each byte changed`,
      unit: 'times' as const,
      series: probes.map(({ newBytes }) => newBytes()),
      isComparison: true,
      notes: [],
    },
  ]
}

/** Times snapshots, and beside it counts what the filesystem has used more after them. */
function probe(
  filesystem: LoopFilesystem,
  file: LargeFile,
  name: string,
  store: SnapshotStore,
  afterwards?: () => Promise<void>,
): { contender: Contender; newBytes: () => Series } {
  const values: number[] = []
  let changedBytes = 0
  let usedBefore = 0
  return {
    contender: {
      name,
      async prepare() {
        usedBefore = await usedBytes(filesystem)
        changedBytes = await file.overwrite()
        await settle()
        await store.prepare?.()
      },
      run: () => store.snapshot(),
      async cleanUp() {
        values.push(((await usedBytes(filesystem)) - usedBefore) / changedBytes)
        await afterwards?.()
      },
    },
    newBytes: () => ({ name, values: values.slice(1) }),
  }
}

/** XFS gives back what it allocated ahead when it is unmounted. */
async function usedBytes(filesystem: LoopFilesystem): Promise<number> {
  await filesystem.remount()
  const { blocks, bfree, bsize } = statfsSync(filesystem.path)
  return (blocks - bfree) * bsize
}

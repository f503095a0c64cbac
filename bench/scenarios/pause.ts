import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { FilesystemType } from '../../test/support/loop-filesystem.ts'
import type { Bench, Scenario } from '../bench.ts'
import { startConsumer, whyNoConsumer } from '../consumer.ts'
import { makeStore } from '../contenders/make-store.ts'
import { rsyncLinkDest } from '../contenders/rsync.ts'
import { ownScan } from '../contenders/own-scan.ts'
import {
  type SnapVolumeOptions,
  type SnapVolumeStore,
  snapVolume,
} from '../contenders/snap-volume.ts'
import { compileWalker } from '../contenders/walker.ts'
import { type Figures, type Series, formatCount, secondsOf } from '../figures.ts'
import { onFilesystem } from '../filesystem.ts'
import { type LargeFile, makeLargeFile } from '../large-file.ts'
import { type Contender, measure } from '../measure.ts'
import { settle } from '../tree.ts'

const mebibyte = 1024 * 1024
const fileCount = 64
const busyFiles = 4
const fullMiB = 1024
const leastMiB = 64
const filesForFull = 100_000

/** Overwrites a block of 16 KiB in one of the first files, again and again. */
const writeAllTheTime = (blocks: number): string =>
  `while :; do /busybox dd if=/dev/urandom of=$((RANDOM % ${busyFiles})) bs=16k count=1 seek=$((RANDOM % ${blocks})) conv=notrunc 2>/dev/null; done`

export const pause: Scenario = async (bench) => {
  const why = await whyNoConsumer(bench.run)
  if (why !== undefined) {
    bench.say(`left out: ${why}`)
    return []
  }
  return [
    await measureUnchanged(bench),
    await measureChanging(bench, 'ext4'),
    await measureChanging(bench, 'xfs'),
  ]
}

async function measureUnchanged(bench: Bench): Promise<Figures> {
  const { run, home, tree } = bench
  const base = await makeStore(home, { ...rsyncLinkDest(run, tree.root), name: 'base' })
  await base.snapshot()
  const walker = await compileWalker(run, tree.root, base.newest(), home)
  const consumer = await startConsumer(run, tree.root, 'exec /busybox sleep 1000000')
  try {
    const name = 'the whole snapshot'
    const { store, pauses, contender } = await openPausing(bench, home, tree.root, name)
    const find: Contender = {
      name: 'find that looks at each file',
      run: async () => void (await run(['find', tree.root, '-newermt', '2100-01-01'])),
    }
    const scan = ownScan(tree.root, store)
    const series = await measure(bench, [contender, scan, walker, find])
    const title = `the pause for ${formatCount(bench.fileCount)} files of which none has changed`
    return secondsOf(title, [pauses('the pause'), ...series])
  } finally {
    await consumer.remove()
  }
}

async function measureChanging(bench: Bench, type: FilesystemType): Promise<Figures> {
  const sizeMiB = Math.round((fullMiB * bench.fileCount) / filesForFull)
  const eachMiB = Math.max(leastMiB, sizeMiB) / fileCount
  const roomMiB = 1024 + Math.ceil(fileCount * eachMiB) * 2 * (bench.runs + 4)
  return onFilesystem(type, { sizeMiB: roomMiB }, async ({ path: home }) => {
    const root = join(home, 'source')
    await mkdir(root)
    const bytes = Math.ceil(eachMiB) * mebibyte
    const files: LargeFile[] = []
    for (let index = 0; index < fileCount; index += 1) {
      files.push(await makeLargeFile(join(root, `${index}`), bytes))
    }
    const consumer = await startConsumer(bench.run, root, writeAllTheTime(bytes / (16 * 1024)))
    try {
      const open = async (name: string, engine: SnapVolumeOptions['engine']) => {
        const opened = await openPausing(bench, home, root, name, engine)
        return { ...opened, contender: { ...opened.contender, prepare: change(opened.contender) } }
      }
      const change = (contender: Contender) => async (): Promise<void> => {
        for (const file of files) await file.overwrite()
        await settle()
        await contender.prepare?.()
      }
      const twice = await open('in two passes', 'link')
      const once = await open('in one pass (SNAP_ENGINE=rsync)', 'rsync')
      await measure(bench, [twice.contender, once.contender])
      const size = `${formatCount((fileCount * bytes) / mebibyte)} MiB in ${fileCount} files`
      return secondsOf(
        `the pause for ${size} that have all changed, ${type}`,
        [twice.pauses(), once.pauses()],
        [`1 % of each was overwritten before, and ${busyFiles} are written all the time`],
      )
    } finally {
      await consumer.remove()
    }
  })
}

/**
 * Takes snapshots for which consumers are paused; `pauses` tells for how long, without the warm-up.
 */
async function openPausing(
  bench: Bench,
  home: string,
  root: string,
  name: string,
  engine: SnapVolumeOptions['engine'] = 'link',
): Promise<{
  store: SnapVolumeStore
  contender: Contender
  pauses: (name?: string) => Series
}> {
  const kind = snapVolume(bench.run, root, { engine, quiesce: 'pause' })
  const store = await makeStore(home, { ...kind, name })
  await store.snapshot()
  const seconds: number[] = []
  return {
    store,
    contender: {
      name,
      prepare: store.prepare,
      async run() {
        const { quietMs } = await store.snapshotRecord()
        if (quietMs === undefined) throw new Error('the consumer was not paused')
        bench.say(`paused for ${quietMs} ms`)
        seconds.push(quietMs / 1000)
      },
    },
    pauses: (as = name) => ({ name: as, values: seconds.slice(1) }),
  }
}

import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { programFile } from '../../test/support/cli.ts'
import type { Bench, Scenario } from '../bench.ts'
import { makeStore } from '../contenders/make-store.ts'
import { type SnapVolumeStore, snapVolume } from '../contenders/snap-volume.ts'
import { type Figures, formatCount, secondsOf } from '../figures.ts'
import { makeLargeFile } from '../large-file.ts'
import { type Contender, measure } from '../measure.ts'
import { settle } from '../tree.ts'

const mebibyte = 1024 * 1024
const fullMiB = 1024
const filesForFull = 100_000
const attributes = "--acls --xattrs --xattrs-include='*' --numeric-owner"

/** Archives beside what anybody would do without this program. */
export const archive: Scenario = async (bench) => {
  const { home, run, tree } = bench
  const store = await makeStore(home, snapVolume(run, tree.root))
  await store.snapshot()
  const snapshot = store.snapshots().at(-1) ?? ''
  const out = join(home, 'out')
  return [
    await measureExport(bench, snapshot, out),
    await measureImport(bench, snapshot, out),
    await measureIncrement(bench),
  ]
}

/** Runs our program on the store that a snapshot is in. */
async function ours(bench: Bench, snapshot: string, ...words: string[]): Promise<void> {
  const env = { SNAP_DIR: dirname(snapshot) }
  await bench.run([process.execPath, programFile, ...words], { env })
}

async function shell(bench: Bench, script: string): Promise<void> {
  await bench.run(['bash', '-euo', 'pipefail', '-c', script])
}

async function measureExport(bench: Bench, snapshot: string, out: string): Promise<Figures> {
  const anew = async (): Promise<void> => {
    await rm(out, { recursive: true, force: true })
    await mkdir(out)
  }
  const contenders: Contender[] = [
    {
      name: 'tar | zstd',
      prepare: anew,
      run: async () =>
        shell(
          bench,
          `tar -c --format=posix -S ${attributes} -C ${dirname(snapshot)} ${snapshot.split('/').at(-1)} | zstd -q > ${out}/plain`,
        ),
    },
    {
      name: 'snap-volume export',
      prepare: anew,
      run: async () => ours(bench, snapshot, 'export', 'latest', '-o', out),
    },
  ]
  const title = `an archive of ${formatCount(bench.fileCount)} files`
  bench.say(title)
  const seconds = await measure(bench, contenders)
  return secondsOf(title, seconds.toReversed(), [
    'ours has it on the disk, and lists what is in it',
  ])
}

async function measureImport(bench: Bench, snapshot: string, out: string): Promise<Figures> {
  const { home, run } = bench
  const source = join(home, 'one-file')
  await mkdir(source)
  await writeFile(join(source, 'file'), 'one file\n')
  const kind = { ...snapVolume(run, source), name: 'store that imports' }
  const store: SnapVolumeStore = await makeStore(home, kind)
  await store.snapshot()
  const other = dirname(store.snapshots()[0] ?? '')
  const name = (await readdir(out)).find((one) => one.endsWith('.tar.zst')) ?? ''
  const [target, imported] = [join(home, 'target'), join(other, snapshot.split('/').at(-1) ?? '')]

  const contenders: Contender[] = [
    {
      name: 'snap-volume import',
      run: async () => ours(bench, imported, 'import', join(out, name)),
      cleanUp: async () => rm(imported, { recursive: true }),
    },
    {
      name: 'zstd -d | tar, and sync',
      async prepare() {
        await mkdir(target)
      },
      run: async () =>
        shell(
          bench,
          `zstd -dcq ${out}/${name} | tar -x ${attributes} -C ${target}; sync -f ${target}`,
        ),
      cleanUp: async () => rm(target, { recursive: true }),
    },
  ]
  const title = `${formatCount(bench.fileCount)} files out of an archive`
  bench.say(title)
  return secondsOf(title, await measure(bench, contenders))
}

/** How large the archive is of a file of which one percent changed. */
async function measureIncrement(bench: Bench): Promise<Figures> {
  const { home, run } = bench
  const sizeMiB = Math.round((fullMiB * bench.fileCount) / filesForFull)
  const bytes = Math.min(fullMiB, Math.max(64, sizeMiB)) * mebibyte
  const [source, out] = [join(home, 'large'), join(home, 'increments')]
  await mkdir(source)
  const file = await makeLargeFile(join(source, 'file'), bytes)
  const kind = { ...snapVolume(run, source), name: 'store of a large file' }
  const store: SnapVolumeStore = await makeStore(home, kind)
  await settle()
  await store.snapshot()

  const megabytes: number[] = []
  for (let round = 0; round < bench.runs; round += 1) {
    await file.overwrite()
    await store.prepare?.()
    await store.snapshot()
    await mkdir(out)
    const snapshot = store.snapshots().at(-1) ?? ''
    await ours(bench, snapshot, 'export', 'latest', '--since', 'latest~1', '-o', out)
    const name = (await readdir(out)).find((one) => one.endsWith('.tar.zst')) ?? ''
    megabytes.push((await stat(join(out, name))).size / 1e6)
    await rm(out, { recursive: true })
  }
  return {
    title: `the increment of a file of ${formatCount(bytes / mebibyte)} MiB, 1 % overwritten in blocks of 16 KiB`,
    unit: 'MB',
    series: [{ name: 'snap-volume export --since', values: megabytes }],
    isComparison: false,
    notes: [],
  }
}

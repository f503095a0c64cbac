import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench, Scenario } from '../bench.ts'
import type { Run } from '../command.ts'
import { makeStore, takingSnapshots } from '../contenders/make-store.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import type { StoreKind } from '../contenders/store.ts'
import { type Figures, formatCount, secondsOf } from '../figures.ts'
import { onFilesystem } from '../filesystem.ts'
import { measure } from '../measure.ts'
import { makeTree } from '../tree.ts'

export const btrfs: Scenario = async (bench) => {
  const { fileCount } = bench
  const sizeMiB = 1024 + Math.ceil(fileCount / 50)
  return onFilesystem('btrfs', { sizeMiB }, async ({ path }) => [
    await measureSubvolume(bench, join(path, 'many'), fileCount),
    await measureSubvolume(bench, join(path, 'few'), Math.ceil(fileCount / 100)),
  ])
}

async function measureSubvolume(bench: Bench, home: string, fileCount: number): Promise<Figures> {
  const { run, signal, say } = bench
  const source = join(home, 'source')
  await mkdir(home)
  await run(['btrfs', 'subvolume', 'create', source])
  say(`making ${formatCount(fileCount)} files`)
  await makeTree(source, fileCount, signal)
  const kinds = [snapVolume(run, source, { engine: 'btrfs' }), bareSnapshot(run, source)]
  const contenders = []
  for (const kind of kinds) contenders.push(takingSnapshots(kind.name, await makeStore(home, kind)))
  const series = await measure(bench, contenders)
  return secondsOf(`a btrfs subvolume of ${formatCount(fileCount)} files`, series)
}

function bareSnapshot(run: Run, source: string): StoreKind {
  return {
    name: 'btrfs subvolume snapshot -r',
    make(directory) {
      let taken = 0
      return Promise.resolve({
        async snapshot() {
          taken += 1
          await run(['btrfs', 'subvolume', 'snapshot', '-r', source, join(directory, `${taken}`)])
        },
      })
    },
  }
}

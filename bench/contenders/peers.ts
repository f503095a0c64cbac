import type { Bench } from '../bench.ts'
import { formatCount } from '../figures.ts'
import { borg } from './borg.ts'
import { restic } from './restic.ts'
import { rsnapshot } from './rsnapshot.ts'
import type { RestorableStore, StoreKind } from './store.ts'

/** More would take them hours. */
const mostFiles = 200_000

export function isTooMany({ fileCount }: Bench): boolean {
  return fileCount > mostFiles
}

/** Said in a table from which they are missing. */
export function whyLeftOut(bench: Bench, names: string): string[] {
  return isTooMany(bench) ? [`${names}: left out above ${formatCount(mostFiles)} files`] : []
}

export function rsnapshotIfFeasible(bench: Bench, keep?: number): StoreKind[] {
  return isTooMany(bench) ? [] : [rsnapshot(bench.run, bench.tree.root, keep)]
}

export function repositoriesIfFeasible(bench: Bench): StoreKind<RestorableStore>[] {
  const { run, tree } = bench
  return isTooMany(bench) ? [] : [restic(run, tree.root), borg(run, tree.root)]
}

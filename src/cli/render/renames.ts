import type { RenamePlan } from '../../actions/store/rename-snapshots.ts'
import { printable } from '../../system/printable.ts'

/** Which snapshot has, or would have, which name, and which keep theirs. */
export function formatRenames({ renames, left }: RenamePlan, dryRun: boolean): string {
  if (renames.length + left.length === 0) return 'No snapshot is of the future.\n'
  const becomes = dryRun ? 'would become' : 'is now'

  return [
    ...renames.map(({ from, to }) => `${from} ${becomes} ${to}\n`),
    ...left.map(({ name, reason }) => `${name} keeps its name: ${printable(reason)}\n`),
  ].join('')
}

import type { Freed } from '../../actions/inspect/usage.ts'
import type { RemovalPlan } from '../../actions/store/remove.ts'
import { counted } from '../../system/counted.ts'
import { formatTable } from './table.ts'
import { formatFreed } from './usage.ts'

/** What would be removed, what that gives back, and what one should know first. */
export function formatRemovalPlan({ snapshots }: RemovalPlan, freed: Freed): string {
  const rows = snapshots.map(({ name, notes }) => ['remove', name, notes.join('; ')])
  return `${formatTable(rows)}removing ${counted(snapshots.length, '{snapshot|snapshots}')} frees ${formatFreed(freed)}\n`
}

export function formatRemoval({ snapshots }: RemovalPlan): string {
  return `${counted(snapshots.length, '{snapshot|snapshots}')} removed\n`
}

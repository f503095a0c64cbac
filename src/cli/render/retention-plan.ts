import type { RetentionDecision } from '../../retention/plan.ts'
import { formatTable } from './table.ts'

/** Every snapshot with what becomes of it and the rule that decided. */
export function formatRetentionPlan(plan: readonly RetentionDecision[], dryRun: boolean): string {
  const removals = plan.filter(({ keep }) => !keep).length
  const rows = plan.map(({ name, keep, reason }) => [keep ? 'keep' : 'remove', name, reason])
  const summary = `${plan.length - removals} kept, ${removals} ${dryRun ? 'would be removed' : 'removed'}\n`
  return (rows.length === 0 ? '' : formatTable(rows)) + summary
}

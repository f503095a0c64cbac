import prettyBytes from 'pretty-bytes'
import type { SimulatedPrune } from '../../actions/store/simulate-prune.ts'
import type { RetentionDecision } from '../../retention/plan.ts'
import { formatTable } from './table.ts'

/** Every snapshot with what becomes of it and the rules that decided. */
export function formatRetentionPlan(
  plan: readonly RetentionDecision[],
  { dryRun, waits = false }: { dryRun: boolean; waits?: boolean },
): string {
  const removals = plan.filter(({ keep }) => !keep).length
  const waiting = waits ? ', which waits for "snap-volume prune --yes"' : ''
  const summary = `${plan.length - removals} kept, ${removals} ${dryRun ? 'would be removed' : 'removed'}${waiting}\n`
  return formatDecisions(plan) + summary
}

/** What would be there on that day. */
export function formatSimulation(
  { plan, taken, removed, estimatedBytes }: SimulatedPrune,
  day: string,
): string {
  const space = estimatedBytes === null ? '' : `, about ${prettyBytes(estimatedBytes)}`
  return `${formatDecisions(plan)}on ${day}: ${plan.length} there${space}, after ${taken} more snapshots; ${removed} of those of today removed\n`
}

function formatDecisions(plan: readonly RetentionDecision[]): string {
  const rows = plan.map(({ name, keep, reason }) => [keep ? 'keep' : 'remove', name, reason])
  return rows.length === 0 ? '' : formatTable(rows)
}

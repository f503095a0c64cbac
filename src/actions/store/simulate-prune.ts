import { UsageError } from '../../errors.ts'
import type { RetentionDecision } from '../../retention/plan.ts'
import { simulateRetention } from '../../retention/simulate.ts'
import { readCatalog } from '../../store/catalog.ts'
import { formatSnapshotName } from '../../store/names.ts'
import { recordTotals } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'
import { findCandidates } from './find-candidates.ts'

/** Three years of one each half hour, and what takes a few seconds. */
const mostRuns = 60_000

export interface SimulatedPrune {
  /** What would be there then, oldest first. */
  plan: RetentionDecision[]
  /** How many snapshots would have been taken. */
  taken: number
  /** How many of those that are there now would be gone. */
  removed: number
  /**
   * What these snapshots added, and for each that is yet to be taken what one added on average; null
   * where nothing was ever counted.
   */
  estimatedBytes: number | null
}

/** When snapshots are due until some time, and no more of them than asked for. */
export type ListRuns = (cron: string, timeZone: string, until: Date, most: number) => Date[]

/**
 * Lets the schedule run to `until`, and retention after each of its snapshots; changes nothing. The
 * runs that compare all contents are among them. Throws UsageError where that is too far off.
 */
export function simulatePrune(
  { store, config, clock }: ActionContext,
  until: Date,
  listRuns: ListRuns,
): SimulatedPrune {
  const catalog = readCatalog(store)
  const { candidates, policy } = findCandidates(store, catalog, config, clock.now())
  const times = listTimes(config, until, listRuns)

  const plan = simulateRetention(candidates, policy, times, {
    volumes: config.volumes.map(({ id }) => ({ id, flagged: false })),
    nameOf: formatSnapshotName,
  })
  const names = new Set(plan.map(({ name }) => name))
  const removed = candidates.filter(({ name }) => !names.has(name)).length

  const added = new Map(
    catalog.snapshots.map(({ name, record }) => [name, recordTotals(record)?.addedBytes]),
  )
  return { plan, taken: times.length, removed, estimatedBytes: estimateBytes(plan, added) }
}

function listTimes(
  { cron, checksumCron, timeZone }: ActionContext['config'],
  until: Date,
  listRuns: ListRuns,
): Date[] {
  const schedules = [cron, ...(checksumCron === '' ? [] : [checksumCron])]
  const runs = schedules.flatMap((schedule) => listRuns(schedule, timeZone, until, mostRuns))
  const times = [...new Set(runs.map((time) => time.getTime()))].toSorted((one, two) => one - two)
  if (times.length < mostRuns) return times.map((ms) => new Date(ms))

  throw new UsageError(`the schedule has more than ${mostRuns - 1} runs until then`, {
    fix: 'name an earlier day',
  })
}

/** The oldest snapshot was a full copy, and is no measure of what one adds. */
function estimateBytes(
  plan: readonly RetentionDecision[],
  added: ReadonlyMap<string, number | undefined>,
): number | null {
  const known = [...added.values()].filter((bytes) => bytes !== undefined)
  const later = known.slice(1)
  if (known.length === 0) return null

  const sum = later.reduce((total, bytes) => total + bytes, 0)
  const average = later.length === 0 ? 0 : sum / later.length
  const total = plan.reduce((bytes, { name }) => bytes + (added.get(name) ?? average), 0)
  return Math.round(total)
}

import { type Act, findLastAct } from '../../store/act-log.ts'
import type { StoreLayout } from '../../store/layout.ts'
import type { FinishedRun, RunState } from '../../store/run-state.ts'

/**
 * How the runs went, with the newest snapshot that a command took counted as one that succeeded:
 * what was overdue is there by it, and the next one is due at `nextRun`. One that failed is told to
 * whoever ran it, and no run.
 */
export function withCommands(
  store: StoreLayout,
  state: RunState,
  nextRun: Date | undefined,
  now: Date,
): RunState {
  const run = findTaken(store, now)
  if (run === undefined) return state

  const takenMs = Date.parse(run.finishedAt)
  const isNewer = (known: FinishedRun | null): boolean => {
    const knownMs = known === null ? 0 : Date.parse(known.finishedAt)
    // one of the future is of a clock that was set back since
    return knownMs < takenMs || knownMs > now.getTime()
  }

  if (!isNewer(state.lastSuccess)) return state
  const counted = { ...state, lastSuccess: run }
  if (!isNewer(state.lastRun)) return counted

  const wasDue = state.expectedBy !== null && Date.parse(state.expectedBy) <= takenMs
  const isNextKnown = nextRun !== undefined && nextRun.getTime() > takenMs

  return {
    ...counted,
    lastRun: run,
    failuresInARow: 0,
    expectedBy: wasDue && isNextKnown ? nextRun.toISOString() : state.expectedBy,
  }
}

function findTaken(store: StoreLayout, now: Date): FinishedRun | undefined {
  const act = findLastAct(
    store,
    (one) => isTaken(one) && Date.parse(one.finishedAt) <= now.getTime(),
  )
  if (act === undefined || act.by.what === 'daemon') return undefined

  const { startedAt, finishedAt, outcome, snapshot = null } = act
  return {
    startedAt,
    finishedAt,
    reason: 'manual',
    outcome: outcome === 'flagged' ? 'flagged' : 'success',
    snapshot,
    error: null,
  }
}

function isTaken({ act, outcome }: Act): boolean {
  return act === 'snapshot' && (outcome === 'done' || outcome === 'flagged')
}

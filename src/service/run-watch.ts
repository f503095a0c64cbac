import { describeCondition } from '../actions/describe-status.ts'
import {
  type Health,
  type HealthThresholds,
  formatHealth,
  judgeHealth,
} from '../actions/judge-health.ts'
import { messageOf } from '../errors.ts'
import { type Heartbeat, writeHeartbeat } from '../store/heartbeat.ts'
import type { StoreLayout } from '../store/layout.ts'
import {
  type FinishedRun,
  type RunState,
  noRuns,
  readRunState,
  withRun,
  writeRunState,
} from '../store/run-state.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'

/** How the runs of the schedule go, kept in the store for `status` and for the daemon that comes next. */
export interface RunWatch {
  /** A run begins. */
  begin(reason: string): void
  /** It gets on. */
  sign(): void
  /** Its snapshot is there; what follows may take its time. */
  published(): void
  /** It has ended; the next one is due at `nextRun`. Returns it, and what was known before. */
  end(outcome: RunOutcome, nextRun: Date | undefined): { before: RunState; run: FinishedRun }
  /** Looks at everything, writes the heartbeat, and gives the verdict. */
  beat(): Promise<Health>
}

export type RunOutcome = Pick<FinishedRun, 'outcome' | 'snapshot' | 'error'>

export interface RunWatchOptions {
  store: StoreLayout
  thresholds: HealthThresholds
  clock: Clock
  log: Log
  /** When the first success of this daemon is due, unless one is overdue since before. */
  expectedBy: Date | undefined
  /** Grows as long as the programs that this process has started do something. */
  readActivity: () => number
}

/** What cannot be written, as on a full disk, is told of, and known in memory. */
export function watchRuns({
  store,
  thresholds,
  clock,
  log,
  expectedBy,
  readActivity,
}: RunWatchOptions): RunWatch {
  const startedAt = clock.now().toISOString()
  let running: Heartbeat['running'] = null
  let activity = 0
  let state = firstState(store, expectedBy)
  keep('how runs went', () => writeRunState(store, state))

  function keep(what: string, write: () => void): void {
    try {
      write()
    } catch (error) {
      log.warn(`${what} cannot be noted in the store: ${messageOf(error)}`)
    }
  }

  function sign(): void {
    if (running !== null) running.lastSignAt = clock.now().toISOString()
  }

  return {
    begin(reason) {
      const now = clock.now().toISOString()
      running = { startedAt: now, reason, lastSignAt: now, isPublished: false }
    },
    sign,
    published() {
      if (running !== null) running.isPublished = true
    },
    end(outcome, nextRun) {
      const finishedAt = clock.now().toISOString()
      const run: FinishedRun = {
        startedAt: running?.startedAt ?? finishedAt,
        finishedAt,
        reason: running?.reason ?? '',
        ...outcome,
      }
      running = null
      const before = state
      state = withRun(before, run, nextRun)
      keep('the outcome of the run', () => writeRunState(store, state))
      return { before, run }
    },
    async beat() {
      const sinceBefore = activity
      activity = readActivity()
      if (activity !== sinceBefore) sign()
      const heartbeat = { startedAt, running }
      const now = clock.now()
      const condition = await describeCondition(store, heartbeat, now)
      const health = judgeHealth({ ...condition, ...state }, thresholds, now)
      keep('the heartbeat', () => writeHeartbeat(store, verdictOf(health), heartbeat))
      return health
    },
  }
}

/** Only what a restart of this daemon could mend makes its container unhealthy. */
function verdictOf(health: Health): string {
  const stale = health.findings.find(({ code }) => code === 'stale')
  return stale === undefined ? `healthy: ${formatHealth(health)}` : `unhealthy: ${stale.message}`
}

/** What a daemon before left; while none ran, none was overdue, but a restart is no success. */
function firstState(store: StoreLayout, expectedBy: Date | undefined): RunState {
  const left = readLeft(store)
  const isFailing = left.failuresInARow > 0 && left.expectedBy !== null
  return isFailing ? left : { ...left, expectedBy: expectedBy?.toISOString() ?? null }
}

/** One that cannot be read is written anew: it says only how earlier runs went. */
function readLeft(store: StoreLayout): RunState {
  try {
    return readRunState(store)
  } catch {
    return noRuns
  }
}

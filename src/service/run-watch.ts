import { describeCondition } from '../actions/describe-status.ts'
import {
  type Health,
  type HealthThresholds,
  formatHealth,
  judgeHealth,
} from '../actions/judge-health.ts'
import { removeHeartbeat, writeHeartbeat } from '../store/heartbeat.ts'
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

/** How the runs of the schedule go, kept in the store for `status` and for the daemon that comes next. */
export interface RunWatch {
  /** A run begins. */
  begin(reason: string): void
  /** It gets on. */
  sign(): void
  /** It has ended; the next one is due at `nextRun`. Returns it, and what was known before. */
  end(outcome: RunOutcome, nextRun: Date | undefined): { before: RunState; run: FinishedRun }
  /** Looks at everything, writes the heartbeat, and gives the verdict. */
  beat(): Promise<Health>
  stop(): void
}

export type RunOutcome = Pick<FinishedRun, 'outcome' | 'snapshot' | 'error'>

/** `expectedBy` is when the first success of this daemon is due. */
export function watchRuns(
  store: StoreLayout,
  thresholds: HealthThresholds,
  clock: Clock,
  expectedBy: Date | undefined,
): RunWatch {
  const startedAt = clock.now().toISOString()
  let running: { startedAt: string; reason: string; lastSignAt: string } | null = null
  let state = firstState(store, expectedBy)
  writeRunState(store, state)

  return {
    begin(reason) {
      const now = clock.now().toISOString()
      running = { startedAt: now, reason, lastSignAt: now }
    },
    sign() {
      if (running !== null) running.lastSignAt = clock.now().toISOString()
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
      writeRunState(store, state)
      return { before, run }
    },
    async beat() {
      const heartbeat = { startedAt, running }
      const now = clock.now()
      const health = judgeHealth(await describeCondition(store, heartbeat, now), thresholds, now)
      writeHeartbeat(store, verdictOf(health), heartbeat)
      return health
    },
    stop: () => removeHeartbeat(store),
  }
}

/** Only what a restart of this daemon could mend makes its container unhealthy. */
function verdictOf(health: Health): string {
  const stale = health.findings.find(({ code }) => code === 'stale')
  return stale === undefined ? `healthy: ${formatHealth(health)}` : `unhealthy: ${stale.message}`
}

/** What a daemon before left; while none ran, none was overdue. */
function firstState(store: StoreLayout, expectedBy: Date | undefined): RunState {
  const left = readLeft(store)
  return { ...left, expectedBy: expectedBy?.toISOString() ?? null }
}

/** One that cannot be read is written anew: it says only how earlier runs went. */
function readLeft(store: StoreLayout): RunState {
  try {
    return readRunState(store)
  } catch {
    return noRuns
  }
}

import type { ActionContext } from '../actions/context.ts'
import { withCommands } from '../actions/report/count-commands.ts'
import { describeCondition } from '../actions/report/status.ts'
import {
  type Health,
  type HealthThresholds,
  formatHealth,
  judgeHealth,
} from '../actions/report/health.ts'
import { messageOf } from '../errors.ts'
import { type Heartbeat, writeHeartbeat } from '../store/heartbeat.ts'
import type { StoreLayout } from '../store/layout.ts'
import {
  type FinishedRun,
  type RunState,
  type Told,
  noRuns,
  readRunState,
  withRun,
  writeRunState,
} from '../store/run-state.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import { printable } from '../system/printable.ts'

/**
 * How the runs of the schedule go, kept in the store for `status` and for the daemon that comes
 * next.
 */
export interface RunWatch {
  /** A run begins. */
  begin(reason: string): void
  /** It gets on. */
  sign(): void
  /** Its snapshot is there, and the next one is expected. */
  published(): void
  /** It was given up with the daemon, which says nothing of how it goes. */
  giveUp(): void
  /** It has ended. Returns it, and what was known before. */
  end(outcome: RunOutcome): EndedRun
  /** The run that the daemon before was killed during. */
  readonly killed: EndedRun | undefined
  /** What whoever is notified knows, kept for the next daemon. */
  readonly told: Told
  keepTold(told: Told): void
  /** Looks at everything, writes the heartbeat, and gives the verdict. */
  beat(): Promise<Health>
}

export type RunOutcome = Pick<FinishedRun, 'outcome' | 'snapshot' | 'error'>

export interface EndedRun {
  before: RunState
  run: FinishedRun
}

export interface RunWatchOptions {
  store: StoreLayout
  docker: ActionContext['docker']
  thresholds: HealthThresholds
  clock: Clock
  log: Log
  /** When the first success of this daemon is due, unless one is overdue since before. */
  expectedBy: Date | undefined
  nextRun: () => Date | undefined
  /** Grows as long as the programs that this process has started do something. */
  readActivity: () => number
}

/** What cannot be written, as on a full disk, is told of, and known in memory. */
export function watchRuns({
  store,
  docker,
  thresholds,
  clock,
  log,
  expectedBy,
  nextRun,
  readActivity,
}: RunWatchOptions): RunWatch {
  const startedAt = clock.now().toISOString()
  let running: Heartbeat['running'] = null
  let activity = 0
  const left = readLeft(store)
  const killed = endKilled(left, startedAt)
  let state = firstState(killed === undefined ? left : withRun(left, killed.run, undefined))
  keepState('how runs went')

  /** While no daemon ran, no snapshot was overdue, but a restart is no success. */
  function firstState(before: RunState): RunState {
    const isFailing = before.failuresInARow > 0 && before.expectedBy !== null
    return isFailing ? before : { ...before, expectedBy: expectedBy?.toISOString() ?? null }
  }

  function keepState(what: string): void {
    keep(what, () => writeRunState(store, state))
  }

  function keep(what: string, write: () => void): void {
    try {
      write()
    } catch (error) {
      log.warn(`${what} cannot be noted in the store: ${messageOf(error)}`)
    }
  }

  /** Where the clock was set back, a success would be expected when that time has come again. */
  function expectNoLaterThan(next: Date | undefined): void {
    if (next === undefined || state.expectedBy === null || new Date(state.expectedBy) <= next)
      return
    state = { ...state, expectedBy: next.toISOString() }
    keepState('when the next run is due')
  }

  function sign(): void {
    if (running !== null) running.lastSignAt = clock.now().toISOString()
  }

  return {
    begin(reason) {
      const now = clock.now().toISOString()
      running = { startedAt: now, reason, lastSignAt: now }
      state = { ...state, begun: { startedAt: now, reason } }
      keepState('that a run has begun')
    },
    sign,
    published() {
      sign()
      state = { ...state, begun: null, expectedBy: nextRun()?.toISOString() ?? null }
      keepState('that a snapshot is there')
    },
    giveUp() {
      running = null
      state = { ...state, begun: null }
      keepState('that a run was given up')
    },
    killed,
    get told() {
      return state.told
    },
    keepTold(told) {
      state = { ...state, told }
      keepState('what was told')
    },
    end(outcome) {
      const finishedAt = clock.now().toISOString()
      const run: FinishedRun = {
        startedAt: running?.startedAt ?? finishedAt,
        finishedAt,
        reason: running?.reason ?? '',
        ...outcome,
      }
      running = null
      const before = state
      state = withRun(before, run, nextRun())
      keepState('the outcome of the run')
      return { before, run }
    },
    async beat() {
      const sinceBefore = activity
      activity = readActivity()
      if (activity !== sinceBefore) sign()
      const heartbeat = { startedAt, running }
      const now = clock.now()
      expectNoLaterThan(nextRun())
      const condition = await describeCondition(store, heartbeat, now, docker)
      const counted = withCommands(store, state, nextRun(), now)
      const health = judgeHealth({ ...condition, ...counted }, thresholds, now)
      keep('the heartbeat', () => writeHeartbeat(store, verdictOf(health), heartbeat))
      return health
    },
  }
}

/**
 * What a restart of this daemon could mend makes its container unhealthy, and an application that
 * does not run.
 */
function verdictOf(health: Health): string {
  const grave = health.findings.filter(({ code }) => makeUnhealthy.has(code))
  const messages = grave.map(({ message }) => message)
  return grave.length === 0
    ? `healthy: ${formatHealth(health)}`
    : printable(`unhealthy: ${messages.join(': ')}`)
}

const makeUnhealthy: ReadonlySet<string> = new Set(['stale', 'consumer-frozen'])

/**
 * A run without an end failed, unless its snapshot is there: then it is not among those that have
 * begun.
 */
function endKilled(left: RunState, now: string): EndedRun | undefined {
  if (left.begun === null) return undefined
  const { startedAt, reason } = left.begun
  const error = `the daemon was killed during the run of ${startedAt}: see the log of its container and of the kernel, for want of memory too`
  const run: FinishedRun = {
    startedAt,
    finishedAt: now,
    reason,
    outcome: 'failed',
    snapshot: null,
    error,
  }
  return { before: left, run }
}

/** One that cannot be read is written anew: it says only how earlier runs went. */
function readLeft(store: StoreLayout): RunState {
  try {
    return readRunState(store)
  } catch {
    return noRuns
  }
}

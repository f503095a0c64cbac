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
  type AlertState,
  noRuns,
  readRunState,
  withRun,
  writeRunState,
} from '../store/run-state.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import { printable } from '../system/printable.ts'

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

/**
 * How the runs of the schedule go, kept in the store for `status` and for the daemon that comes
 * next. What cannot be written, as on a full disk, is told of, and known in memory.
 */
export class RunWatch {
  /** The run that the daemon before was killed during. */
  readonly killed: EndedRun | undefined
  readonly #options: RunWatchOptions
  readonly #startedAt: string
  #state: RunState
  #running: Heartbeat['running'] = null
  #activity = 0

  constructor(options: RunWatchOptions) {
    this.#options = options
    this.#startedAt = this.#now()

    const left = readLeft(options.store)
    this.killed = endKilled(left, this.#startedAt)
    const before = this.killed === undefined ? left : withRun(left, this.killed.run, undefined)
    this.#state = firstState(before, options.expectedBy)
    this.#keepState('how runs went')
  }

  /** What whoever is notified knows, kept for the next daemon. */
  get told(): AlertState {
    return this.#state.told
  }

  keepTold(told: AlertState): void {
    this.#state = { ...this.#state, told }
    this.#keepState('what was told')
  }

  /** A run begins. */
  begin(reason: string): void {
    const now = this.#now()
    this.#running = { startedAt: now, reason, lastSignAt: now }
    this.#state = { ...this.#state, begun: { startedAt: now, reason } }
    this.#keepState('that a run has begun')
  }

  /** It gets on. */
  sign(): void {
    if (this.#running !== null) this.#running.lastSignAt = this.#now()
  }

  /** Its snapshot is there, and the next one is expected. */
  published(): void {
    this.sign()
    const expectedBy = this.#options.nextRun()?.toISOString() ?? null
    this.#state = { ...this.#state, begun: null, expectedBy }
    this.#keepState('that a snapshot is there')
  }

  /** It was given up with the daemon, which says nothing of how it goes. */
  giveUp(): void {
    this.#running = null
    this.#state = { ...this.#state, begun: null }
    this.#keepState('that a run was given up')
  }

  /** It has ended. Returns it, and what was known before. */
  end(outcome: RunOutcome): EndedRun {
    const finishedAt = this.#now()
    const run: FinishedRun = {
      startedAt: this.#running?.startedAt ?? finishedAt,
      finishedAt,
      reason: this.#running?.reason ?? '',
      ...outcome,
    }

    this.#running = null
    const before = this.#state
    this.#state = withRun(before, run, this.#options.nextRun())
    this.#keepState('the outcome of the run')
    return { before, run }
  }

  /** Looks at everything, writes the heartbeat, and gives the verdict. */
  async beat(): Promise<Health> {
    const { store, docker, thresholds, clock, nextRun } = this.#options
    this.#signForPrograms()
    const heartbeat = { startedAt: this.#startedAt, running: this.#running }
    const now = clock.now()
    this.#expectNoLaterThan(nextRun())

    const condition = await describeCondition(store, heartbeat, now, docker)
    const counted = withCommands(store, this.#state, nextRun(), now)
    const health = judgeHealth({ ...condition, ...counted }, thresholds, now)
    this.#keep('the heartbeat', () => writeHeartbeat(store, verdictOf(health), heartbeat))
    return health
  }

  /** Programs that do something are a sign too. */
  #signForPrograms(): void {
    const before = this.#activity
    this.#activity = this.#options.readActivity()
    if (this.#activity !== before) this.sign()
  }

  /** Where the clock was set back, a success would be expected when that time has come again. */
  #expectNoLaterThan(next: Date | undefined): void {
    const { expectedBy } = this.#state
    if (next === undefined || expectedBy === null || new Date(expectedBy) <= next) return
    this.#state = { ...this.#state, expectedBy: next.toISOString() }
    this.#keepState('when the next run is due')
  }

  #keepState(what: string): void {
    this.#keep(what, () => writeRunState(this.#options.store, this.#state))
  }

  #keep(what: string, write: () => void): void {
    try {
      write()
    } catch (error) {
      this.#options.log.warn(`${what} cannot be noted in the store: ${messageOf(error)}`)
    }
  }

  #now(): string {
    return this.#options.clock.now().toISOString()
  }
}

/** While no daemon ran, no snapshot was overdue, but a restart is no success. */
function firstState(before: RunState, expectedBy: Date | undefined): RunState {
  const isFailing = before.failuresInARow > 0 && before.expectedBy !== null
  return isFailing ? before : { ...before, expectedBy: expectedBy?.toISOString() ?? null }
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

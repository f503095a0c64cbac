import type { ActionContext } from '../actions/context.ts'
import type { Settings } from '../config/settings.ts'
import { messageOf } from '../errors.ts'
import type { AlertState } from '../store/run-state.ts'
import { readChildActivity } from '../system/child-activity.ts'
import type { Log } from '../system/log.ts'
import { type BothSchedules, type ScheduleReason, startBothSchedules } from './both-schedules.ts'
import type { Metrics } from './metrics.ts'
import { noteNextRun } from './next-run.ts'
import { type Notice, type NoticeRules, createNoticeRules } from './notice.ts'
import type { Notifier } from './notifier.ts'
import { runOnce } from './run-once.ts'
import { RunWatch } from './run-watch.ts'
import { type RunReason, type Runner, createOneAtATime } from './one-at-a-time.ts'

export interface ScheduledRunsOptions {
  context: ActionContext
  settings: Settings
  metrics: Metrics
  notifier: Notifier
  signal: AbortSignal
  log: Log
  /** Whether a run is triggered as soon as all has been started. */
  isDueNow: boolean
  afterRun: () => Promise<void>
}

/** The runs of a daemon: what begins them, what is known of them, and who is told. */
export class ScheduledRuns {
  readonly schedules: BothSchedules
  readonly #options: ScheduledRunsOptions
  readonly #runner: Runner
  readonly #watch: RunWatch
  readonly #rules: NoticeRules

  constructor(options: ScheduledRunsOptions) {
    const { context, settings, log, isDueNow } = options
    const { store, docker, clock } = context
    this.#options = options

    this.#runner = createOneAtATime(
      async (reason) => this.#run(reason),
      (reason, skipped) => this.#noteSkipped(reason, skipped),
      (error) => log.error(`the run ended in a way that was not foreseen: ${messageOf(error)}`),
    )

    this.schedules = startBothSchedules({
      ...settings,
      onDue: (reason) => this.trigger(reason),
      onMissed: (reason) => this.#noteMissed(reason),
    })

    this.#watch = new RunWatch({
      store,
      docker,
      thresholds: settings,
      clock,
      log,
      expectedBy: isDueNow ? clock.now() : this.schedules.nextRun(),
      nextRun: () => this.schedules.nextRun(),
      readActivity: readChildActivity,
    })

    this.#rules = createNoticeRules(this.#watch.told, (told) => {
      // when they know: else nobody would, if this daemon ended before
      setImmediate(() => void this.#keepTold(told))
    })
  }

  trigger(reason: RunReason): void {
    this.#runner.trigger(reason)
  }

  /** The run under way gets on. */
  sign(): void {
    this.#watch.sign()
  }

  /** Its snapshot is there. */
  published(): void {
    this.#watch.published()
  }

  /** Tells of the run that the daemon before was killed during. */
  tellOfKilled(): void {
    if (this.#watch.killed === undefined) return
    const { before, run } = this.#watch.killed
    this.#options.log.error(`no snapshot was taken: ${run.error}`)
    this.#tell(this.#rules.afterRun(before, run, []))
  }

  noteNext(): void {
    const { context, log } = this.#options
    noteNextRun(context.store, this.schedules, log)
  }

  /** Follows the clock, looks how it goes, and tells of it. */
  async beat(): Promise<void> {
    if (this.schedules.followClock()) {
      const next = this.schedules.nextRun()?.toISOString()
      this.#options.log.warn(`the clock was set back: the next run is ${next}`)
      this.noteNext()
    }
    this.#tell(this.#rules.afterBeat(await this.#watch.beat()))
  }

  /** Begins none any more, and waits for the one under way. */
  async stop(): Promise<void> {
    this.schedules.stop()
    await this.#runner.idle()
  }

  async #run(reason: RunReason): Promise<void> {
    const { context, metrics, notifier, log, signal, afterRun } = this.#options
    const followers = { runs: this.#watch, metrics, rules: this.#rules, notifier, log }
    await runOnce(context, followers, reason)

    // only now: a run that is killed half-way stays due, and the next start makes it up
    if (!signal.aborted) this.noteNext()
    await afterRun()
  }

  #noteSkipped(reason: RunReason, skipped: number): void {
    const { metrics, log } = this.#options
    metrics.skipped()
    log.warn(`run skipped: the one before is still under way`, { reason, skipped })
  }

  #noteMissed(reason: ScheduleReason): void {
    const { settings, metrics, log } = this.#options
    metrics.missed()
    const why = 'the host was asleep or too busy'
    if (reason === 'checksum') {
      log.warn(`a run of SNAP_CHECKSUM_CRON is left out: ${why}`)
      return
    }

    log.warn(`a scheduled run was missed: ${why}`)
    if (settings.catchUp) this.trigger('catch-up')
  }

  #tell(notices: readonly Notice[]): void {
    for (const notice of notices) this.#options.notifier.tell(notice)
  }

  async #keepTold(told: AlertState): Promise<void> {
    const { notifier, signal } = this.#options
    await notifier.idle()
    if (!signal.aborted) this.#watch.keepTold(told)
  }
}

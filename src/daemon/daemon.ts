import { once } from 'node:events'
import { hostname } from 'node:os'
import {
  type ActionContext,
  type BesideWork,
  contextOfProcess,
  emptyAndTell,
} from '../actions/context.ts'
import { type StatusDescription, describeStatus } from '../actions/report/status.ts'
import type { ActionEvent } from '../actions/events.ts'
import { type PreparedStore, prepareStore, recordStart } from '../actions/store/start-store.ts'
import { resumeAfterCrash } from '../actions/consumers/resume-after-crash.ts'
import { webAddressesOf } from '../config/notify-target.ts'
import { type ProxyFor, readProxies } from '../config/proxies.ts'
import { planNow } from '../actions/store/prune.ts'
import { BusyError, InterruptedError, OperationError } from '../errors.ts'
import type { RetentionDecision } from '../retention/plan.ts'
import type { CommandExecutor } from '../remote/executor.ts'
import { acquireLock } from '../store/lock.ts'
import { removeHeartbeat, writeHeartbeat } from '../store/heartbeat.ts'
import type { StoreLayout } from '../store/layout.ts'
import { programVersion } from '../system/version.ts'
import { type ActFollower, followActs } from './act-follower.ts'
import { announce } from './announce.ts'
import { type Background, createBackground } from './background.ts'
import { createProgressFilter, daemonContext } from './daemon-context.ts'
import { startHeartbeat } from './heartbeat.ts'
import { logAct, logEvent } from './log-event.ts'
import { Metrics } from './metrics.ts'
import { findMissedRun } from './next-run.ts'
import { Notifier } from './notifier.ts'
import { type Prelinker, createPrelinker } from './prelinker.ts'
import { assertCron } from './schedule.ts'
import { ScheduledRuns } from './scheduled-runs.ts'
import { startServer } from './server.ts'
import { singleFlight } from './single-flight.ts'
import { Prover } from './prover.ts'
import { Verifier } from './verifier.ts'
import { type Start, resumeBeforeStart } from './resume-before-start.ts'

/**
 * To ask who writes takes the lock for a moment: without a bound, writers would wait for those who
 * ask.
 */
const statusKeptMs = 1000

export interface DaemonOptions extends Start {
  /** The commands for clients, who leave to the daemon what need not be waited for. */
  makeExecutor: (beside: BesideWork) => CommandExecutor
  /** Ends the daemon; a snapshot under way is given up, and made up by the next start. */
  signal: AbortSignal
}

/**
 * Runs the schedule until `signal` aborts. Throws OperationError when the start checks fail; later
 * failures are logged and the schedule goes on. docs/internals/daemon.md names the parts.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { settings, environment, volumes, signal } = options
  await resumeBeforeStart(options)
  assertCron('SNAP_CRON', settings.cron)
  if (settings.checksumCron !== '') assertCron('SNAP_CHECKSUM_CRON', settings.checksumCron)
  if (settings.verifyCron !== '') assertCron('SNAP_VERIFY_CRON', settings.verifyCron)
  if (settings.proveCron !== '') assertCron('SNAP_PROVE_CRON', settings.proveCron)
  const proxyFor = readProxies(environment, webAddressesOf(settings.notifyTargets))

  const prepared = await prepareStore(settings, volumes)
  const lock = await takeDaemonLock(prepared.store, signal)
  try {
    await new Daemon(options, prepared, proxyFor).run()
  } catch (error) {
    if (!(error instanceof InterruptedError && signal.aborted)) throw error
  } finally {
    lock.release()
  }
}

/** One daemon a store: a second one would take every snapshot again. */
async function takeDaemonLock(store: StoreLayout, signal: AbortSignal) {
  try {
    return await acquireLock(store.daemonLock, { timeoutMs: 0, purpose: 'start', signal })
  } catch (error) {
    if (!(error instanceof BusyError)) throw error
    throw new BusyError(`another daemon already keeps ${store.directory}: ${error.message};`, {
      cause: error,
      fix: 'stop it first, or use a store of its own',
    })
  }
}

/** What runs as long as the daemon does, put together. */
class Daemon {
  readonly #options: DaemonOptions
  readonly #store: StoreLayout
  readonly #startedAt: string
  readonly #beside: Required<BesideWork>
  readonly #context: ActionContext
  readonly #readStatus: () => Promise<StatusDescription>
  readonly #metrics: Metrics
  readonly #background: Background
  readonly #prelinker: Prelinker
  readonly #notifier: Notifier
  readonly #verifier: Verifier
  readonly #prover: Prover
  readonly #follower: ActFollower
  readonly #isNews = createProgressFilter()
  /** Undefined while the start is under way. */
  #runs: ScheduledRuns | undefined

  constructor(options: DaemonOptions, prepared: PreparedStore, proxyFor: ProxyFor) {
    const { settings, environment, volumes, clock, signal, log } = options
    const { store } = prepared
    this.#options = options
    this.#store = store

    const { docker } = contextOfProcess(settings, environment)
    this.#readStatus = singleFlight(
      async () => describeStatus(store, settings, clock.now(), docker),
      statusKeptMs,
    )
    this.#metrics = new Metrics({
      readStatus: this.#readStatus,
      readPlan: () => this.#planRetention(),
      volumes: volumes.map(({ id }) => id),
      startedAt: clock.now(),
      version: programVersion,
    })

    this.#beside = this.#workBeside()
    this.#context = {
      ...daemonContext(options, prepared, (event) => this.#observe(event)),
      ...this.#beside,
    }
    this.#background = createBackground(signal, log)
    this.#prelinker = createPrelinker(this.#context, this.#background, log)

    this.#notifier = new Notifier({
      targets: settings.notifyTargets,
      template: settings.notifyTemplate,
      proxyFor,
      host: hostname(),
      store: store.directory,
      clock,
      log,
    })

    this.#verifier = new Verifier({
      settings,
      environment,
      store,
      clock,
      background: this.#background,
      tell: (notice) => this.#notifier.tell(notice),
      log,
    })

    this.#prover = new Prover({
      settings,
      environment,
      context: this.#context,
      background: this.#background,
      tell: (notice) => this.#notifier.tell(notice),
      log,
    })

    this.#startedAt = clock.now().toISOString()
    this.#follower = followActs(store, (act) => logAct(log, act))
  }

  /** Resolves when the signal has aborted, and all has come to its end. */
  async run(): Promise<void> {
    const { settings, clock, signal, log } = this.#options
    // what the start does may take long
    const heartbeat = await startHeartbeat(async () => this.#lookAfter(), log)
    const stops: (() => Promise<void> | void)[] = [
      async () => this.#notifier.stop(),
      () => heartbeat.stop(),
      async () => this.#background.stop(),
      () => removeHeartbeat(this.#store),
      () => this.#follower.stop(),
      () => this.#verifier.stop(),
      () => this.#prover.stop(),
    ]

    try {
      await recordStart(this.#context, clock.now())
      const missedAt = findMissedRun(settings, this.#store, clock.now())
      const isDueNow = settings.onStart || missedAt !== undefined
      const runs = this.#startRuns(isDueNow, async () => heartbeat.beat())
      stops.unshift(async () => runs.stop())
      await heartbeat.beat()

      stops.unshift(await this.#startServer())
      await announce(settings, this.#context, runs.schedules, log)

      if (settings.onStart) runs.trigger('start')
      else if (missedAt !== undefined) {
        log.info(`the run due at ${missedAt.toISOString()} was missed and is made up now`)
        runs.trigger('catch-up')
      }

      if (!signal.aborted) await once(signal, 'abort')
      log.info('stopping')
    } finally {
      for (const stop of stops) await stop()
    }
  }

  #planRetention(): RetentionDecision[] | undefined {
    try {
      return planNow(this.#context)
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      return undefined
    }
  }

  #observe(event: ActionEvent): void {
    if (this.#isNews(event)) this.#runs?.sign()
    if (event.type === 'published') this.#runs?.published()
    this.#metrics.observe(event)
    logEvent(this.#options.log, event)
  }

  #workBeside(): Required<BesideWork> {
    return {
      // deletion may take hours on a busy disk, and the next snapshot is due
      deleteBeside: () => this.#background.run(async (ends) => emptyAndTell(this.#context, ends)),
      pausePrelinking: (work) => this.#prelinker.pauseWhile(work),
    }
  }

  /** Nothing is waited for in here: a run may be due at once. */
  #startRuns(isDueNow: boolean, afterRun: () => Promise<void>): ScheduledRuns {
    const runs = new ScheduledRuns({
      ...this.#options,
      context: this.#context,
      metrics: this.#metrics,
      notifier: this.#notifier,
      isDueNow,
      afterRun,
    })

    this.#runs = runs
    runs.tellOfKilled()
    // and if it is killed it stays due
    if (!isDueNow) runs.noteNext()
    return runs
  }

  async #startServer(): Promise<() => Promise<void>> {
    return startServer({
      ...this.#options,
      executor: this.#options.makeExecutor(this.#beside),
      store: this.#store,
      metrics: this.#metrics,
      readStatus: this.#readStatus,
    })
  }

  /** With each heartbeat. */
  async #lookAfter(): Promise<void> {
    const { log } = this.#options
    const resuming = { ...this.#context, emit: (event: ActionEvent) => logEvent(log, event) }
    // those who did not come back, and those of a command that was killed
    await resumeAfterCrash(resuming, this.#context.config.volumes)
    await this.#beat()
    this.#follower.look()
  }

  async #beat(): Promise<void> {
    if (this.#runs === undefined) {
      const heartbeat = { startedAt: this.#startedAt, running: null }
      writeHeartbeat(this.#store, 'healthy: starting', heartbeat)
      return
    }

    await this.#runs.beat()
    this.#prelinker.refresh()
    this.#verifier.look()
    this.#prover.look()
  }
}

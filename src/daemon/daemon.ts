import { once } from 'node:events'
import { hostname } from 'node:os'
import {
  type ActionContext,
  type BesideWork,
  contextOfProcess,
  emptyAndTell,
} from '../actions/context.ts'
import { describeStatus } from '../actions/report/status.ts'
import type { ActionEvent } from '../actions/events.ts'
import { type PreparedStore, prepareStore, recordStart } from '../actions/store/start-store.ts'
import { wakeLeftConsumers } from '../actions/consumers/resume-after-crash.ts'
import { webAddressesOf } from '../config/notify-target.ts'
import { type ProxyFor, readProxies } from '../config/proxies.ts'
import type { Settings } from '../config/settings.ts'
import { isDockerThere } from '../docker/find-docker.ts'
import { BusyError, InterruptedError, messageOf } from '../errors.ts'
import type { CommandExecutor } from '../remote/executor.ts'
import { acquireLock } from '../store/lock.ts'
import { removeHeartbeat, writeHeartbeat } from '../store/heartbeat.ts'
import { readNextRun, writeNextRun } from '../store/schedule-state.ts'
import type { StoreLayout } from '../store/layout.ts'
import { readChildActivity } from '../system/child-activity.ts'
import type { Log } from '../system/log.ts'
import { programVersion } from '../system/version.ts'
import { followActs } from './act-follower.ts'
import { announce } from './announce.ts'
import { createBackground } from './background.ts'
import { type BothSchedules, startBothSchedules } from './both-schedules.ts'
import { startHeartbeat } from './heartbeat.ts'
import { logAct, logEvent } from './log-event.ts'
import { createMetrics } from './metrics.ts'
import { type Notice, type NoticeRules, createNoticeRules } from './notice.ts'
import { createNotifier } from './notifier.ts'
import { createPrelinker } from './prelinker.ts'
import { type RunFollowers, runOnce } from './run-once.ts'
import { type RunWatch, watchRuns } from './run-watch.ts'
import { createRunner } from './runner.ts'
import { assertCron } from './schedule.ts'
import { startServer } from './server.ts'
import { shareAnswer } from './share-answer.ts'
import { type Start, wakeBeforeStart } from './wake-before-start.ts'

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
 * failures are logged and the schedule goes on.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { settings, environment, volumes, signal } = options
  await wakeBeforeStart(options)
  assertCron('SNAP_CRON', settings.cron)
  if (settings.checksumCron !== '') assertCron('SNAP_CHECKSUM_CRON', settings.checksumCron)
  const proxyFor = readProxies(environment, webAddressesOf(settings.notifyTargets))
  const prepared = await prepareStore(settings, volumes)
  const lock = await takeDaemonLock(prepared.store, signal)
  try {
    await runSchedule(options, prepared, proxyFor)
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

async function runSchedule(
  options: DaemonOptions,
  prepared: PreparedStore,
  proxyFor: ProxyFor,
): Promise<void> {
  const { store } = prepared
  const { settings, environment, volumes, clock, signal, log } = options
  const { docker } = contextOfProcess(settings, environment)
  const readStatus = shareAnswer(
    async () => describeStatus(store, settings, clock.now(), docker),
    statusKeptMs,
  )
  const metrics = createMetrics({
    readStatus,
    volumes: volumes.map(({ id }) => id),
    startedAt: clock.now(),
    version: programVersion,
  })
  let runs: RunWatch | undefined
  let rules: NoticeRules | undefined
  let schedule: BothSchedules | undefined
  const isNews = createProgressFilter()
  const context = daemonContext(options, prepared, (event) => {
    if (isNews(event)) runs?.sign()
    if (event.type === 'published') runs?.published()
    metrics.observe(event)
    logEvent(log, event)
  })
  // deletion may take hours on a busy disk, and the next snapshot is due
  const background = createBackground(signal, log)
  const deleteBeside = (): void => background.run(async (ends) => emptyAndTell(context, ends))
  context.deleteBeside = deleteBeside
  const prelinker = createPrelinker(context, background, log)
  const pausePrelinking: ActionContext['pausePrelinking'] = (work) => prelinker.pauseWhile(work)
  context.pausePrelinking = pausePrelinking
  const waking = { ...context, emit: (event: ActionEvent) => logEvent(log, event) }
  const notifier = createNotifier({
    targets: settings.notifyTargets,
    template: settings.notifyTemplate,
    proxyFor,
    host: hostname(),
    store: store.directory,
    clock,
    log,
  })
  const startedAt = clock.now().toISOString()
  const tellAll = (notices: readonly Notice[] = []): void => {
    for (const notice of notices) notifier.tell(notice)
  }
  const beat = async (): Promise<void> => {
    if (runs === undefined) writeHeartbeat(store, 'healthy: starting', { startedAt, running: null })
    else {
      if (schedule?.followClock() === true) {
        log.warn(`the clock was set back: the next run is ${schedule.nextRun()?.toISOString()}`)
        noteNextRun(store, schedule, log)
      }
      tellAll(rules?.afterBeat(await runs.beat()))
      prelinker.refresh()
    }
  }
  const follower = followActs(store, (act) => logAct(log, act))
  // what the start does may take long
  const heartbeat = await startHeartbeat(async () => {
    // those who did not come back, and those of a command that was killed
    await wakeLeftConsumers(waking, context.config.volumes)
    await beat()
    follower.look()
  }, log)
  const stops: (() => Promise<void> | void)[] = [
    async () => notifier.stop(),
    () => heartbeat.stop(),
    async () => background.stop(),
    () => removeHeartbeat(store),
    () => follower.stop(),
  ]
  try {
    await recordStart(context, clock.now())
    const missedAt = findMissedRun(settings, store, clock.now())
    const runner = createRunner(
      async (reason) => {
        await runOnce(context, followers, reason)
        // only now: a run that is killed half-way stays due, and the next start makes it up
        if (!signal.aborted) noteNextRun(store, started, log)
        await heartbeat.beat()
      },
      (reason, skipped) => {
        metrics.skipped()
        log.warn(`run skipped: the one before is still under way`, { reason, skipped })
      },
      (error) => log.error(`the run ended in a way that was not foreseen: ${messageOf(error)}`),
    )
    const started = startBothSchedules({
      ...settings,
      onDue: (reason) => runner.trigger(reason),
      onMissed: (reason) => {
        metrics.missed()
        const why = 'the host was asleep or too busy'
        if (reason === 'checksum') log.warn(`a run of SNAP_CHECKSUM_CRON is left out: ${why}`)
        else {
          log.warn(`a scheduled run was missed: ${why}`)
          if (settings.catchUp) runner.trigger('catch-up')
        }
      },
    })
    schedule = started
    stops.unshift(
      () => started.stop(),
      async () => runner.idle(),
    )
    const isDueNow = settings.onStart || missedAt !== undefined
    runs = watchRuns({
      store,
      docker,
      thresholds: settings,
      clock,
      log,
      expectedBy: isDueNow ? clock.now() : started.nextRun(),
      nextRun: () => started.nextRun(),
      readActivity: readChildActivity,
    })
    rules = createNoticeRules(runs.told, (told) => {
      // when they know: else nobody would, if this daemon ended before
      setImmediate(() => void notifier.idle().then(() => signal.aborted || runs?.keepTold(told)))
    })
    // before anything is waited for: a run may be due at once
    const followers: RunFollowers = { runs, metrics, rules, notifier, log }
    if (runs.killed !== undefined) {
      const { before, run } = runs.killed
      log.error(`no snapshot was taken: ${run.error}`)
      tellAll(rules.afterRun(before, run, []))
    }
    // and if it is killed it stays due
    if (!isDueNow) noteNextRun(store, started, log)
    await heartbeat.beat()
    const executor = options.makeExecutor({
      deleteBeside,
      pausePrelinking,
    })
    stops.unshift(await startServer({ ...options, executor, store, metrics, readStatus }))
    await announce(settings, context, started, log)
    if (settings.onStart) runner.trigger('start')
    else if (missedAt !== undefined) {
      log.info(`the run due at ${missedAt.toISOString()} was missed and is made up now`)
      runner.trigger('catch-up')
    }
    if (!signal.aborted) await once(signal, 'abort')
    log.info('stopping')
  } finally {
    for (const stop of stops) await stop()
  }
}

/** Progress comes every half second, whether there is any or not. */
function createProgressFilter(): (event: ActionEvent) => boolean {
  let last = ''
  return (event) => {
    if (event.type !== 'progress') return true
    const { volume, files, bytes, fraction } = event
    const now = `${volume} ${files} ${bytes} ${fraction}`
    const isNews = now !== last
    last = now
    return isNews
  }
}

function daemonContext(
  { settings, environment, volumes, clock, signal }: DaemonOptions,
  { store, abilities }: PreparedStore,
  emit: ActionContext['emit'],
): ActionContext {
  const { maxSnapshots, engine, exclude, onUnreadable, quiesce } = settings
  const { cron, checksumCron, changeLimit, timeZone } = settings
  return {
    store,
    config: {
      volumes: [...volumes],
      maxSnapshots,
      engine,
      exclude,
      onUnreadable,
      quiesce,
      cron,
      checksumCron,
      changeLimit,
      timeZone,
      hasDockerApi: isDockerThere(settings.dockerHost),
      abilities,
    },
    clock,
    signal,
    ...contextOfProcess(settings, environment),
    emit,
    startedBy: 'daemon',
  }
}

/** The time of a run that no daemon was there for. */
function findMissedRun(settings: Settings, store: StoreLayout, now: Date): Date | undefined {
  if (!settings.catchUp) return undefined
  const due = readNextRun(store)
  return due !== undefined && due < now ? due : undefined
}

function noteNextRun(store: StoreLayout, schedule: BothSchedules, log: Log): void {
  const next = schedule.nextRun()
  if (next === undefined) return
  try {
    writeNextRun(store, next)
  } catch (error) {
    log.warn(`the next run cannot be noted in the store: ${messageOf(error)}`)
  }
}

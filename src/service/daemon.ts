import { once } from 'node:events'
import { type ActionContext, contextOfProcess } from '../actions/context.ts'
import type { ActionEvent } from '../actions/events.ts'
import { describeConsumers } from '../actions/describe-consumers.ts'
import { prepareStore, recordStart } from '../actions/start-store.ts'
import { summarizeSnapshot } from '../actions/snapshot-summary.ts'
import { takeSnapshot } from '../actions/take-snapshot.ts'
import { wakeLeftConsumers } from '../actions/wake-consumers.ts'
import type { Settings } from '../config/settings.ts'
import type { Environment } from '../config/variables.ts'
import type { VolumeSpec } from '../config/volume-spec.ts'
import { BusyError, InterruptedError, OperationError, messageOf } from '../errors.ts'
import { acquireLock } from '../store/lock.ts'
import { describeInterruptedRestore, readInterruptedRestore } from '../store/restore-journal.ts'
import { readNextRun, writeNextRun } from '../store/schedule-state.ts'
import type { StoreLayout } from '../store/layout.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import { startHeartbeat } from './heartbeat.ts'
import { type RunReason, createRunner } from './runner.ts'
import { type Schedule, assertCron, restrictsBothDays, startSchedule } from './schedule.ts'

export interface DaemonOptions {
  settings: Settings
  /** What hooks find in theirs. */
  environment: Environment
  volumes: readonly VolumeSpec[]
  clock: Clock
  /** Ends the daemon; a snapshot under way is given up, and made up by the next start. */
  signal: AbortSignal
  log: Log
}

/**
 * Runs the schedule until `signal` aborts.
 * Throws OperationError when the start checks fail; later failures are logged and the schedule goes on.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { settings, volumes, signal } = options
  assertCron(settings.cron)
  const store = await prepareStore(settings, volumes)
  const lock = await takeDaemonLock(store, signal)
  try {
    await runSchedule(options, store)
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
    throw new BusyError(
      `another daemon already keeps ${store.directory}: ${error.message}; stop it first, or use a store of its own`,
      { cause: error },
    )
  }
}

async function runSchedule(options: DaemonOptions, store: StoreLayout): Promise<void> {
  const { settings, clock, signal, log } = options
  const context = daemonContext(options, store)
  await recordStart(context, clock.now())
  const wake = async (): Promise<void> => wakeLeftConsumers(context, context.config.volumes)
  await wake()
  const stopHeartbeat = startHeartbeat(
    store.heartbeat,
    log,
    () =>
      // those who did not come back, and those of a command that was killed
      void wake().catch((error: unknown) => log.error(messageOf(error))),
  )
  const missedAt = findMissedRun(settings, store, clock.now())
  const runner = createRunner(
    async (reason) => {
      await runOnce(context, log, reason)
      // only now: a run that is killed half-way stays due, and the next start makes it up
      if (!signal.aborted) noteNextRun(store, schedule, log)
    },
    (reason, skipped) =>
      log.warn(`run skipped: the one before is still under way`, { reason, skipped }),
  )
  const schedule = startSchedule({
    cron: settings.cron,
    timeZone: settings.timeZone,
    onDue: () => runner.trigger('schedule'),
    onMissed: () => {
      log.warn('a scheduled run was missed: the host was asleep or too busy')
      if (settings.catchUp) runner.trigger('catch-up')
    },
  })
  try {
    await announce(options, context, schedule)
    if (settings.onStart) runner.trigger('start')
    else if (missedAt !== undefined) {
      log.info(`the run due at ${missedAt.toISOString()} was missed and is made up now`)
      runner.trigger('catch-up')
    } else noteNextRun(store, schedule, log)
    if (!signal.aborted) await once(signal, 'abort')
    log.info('stopping')
  } finally {
    schedule.stop()
    await runner.idle()
    stopHeartbeat()
  }
}

function daemonContext(
  { settings, environment, volumes, clock, signal, log }: DaemonOptions,
  store: StoreLayout,
) {
  const { maxSnapshots, engine, quiesce, cron, timeZone } = settings
  const context: ActionContext = {
    store,
    config: { volumes: [...volumes], maxSnapshots, engine, quiesce, cron, timeZone },
    clock,
    signal,
    ...contextOfProcess(settings, environment),
    emit: (event) => logEvent(log, event),
  }
  return context
}

async function announce(
  { settings, volumes, log }: DaemonOptions,
  context: ActionContext,
  schedule: Schedule,
): Promise<void> {
  const { store } = context
  for (const { id, path } of volumes) log.info(`volume ${id}: ${path}`)
  if (restrictsBothDays(settings.cron)) {
    log.warn(
      `SNAP_CRON ${JSON.stringify(settings.cron)} restricts both days: here both must fit, unlike in crontab`,
    )
  }
  if (settings.quiesce !== 'none') await announceConsumers(context, log)
  const interrupted = readInterruptedRestore(store)
  if (interrupted !== undefined) log.error(describeInterruptedRestore(interrupted))
  const next = schedule.nextRun()
  log.info(
    `started: store ${store.directory}, schedule ${settings.cron} (${settings.timeZone}), next run ${next?.toISOString() ?? 'never'}`,
    { nextRun: next?.toISOString() ?? null },
  )
}

/** Who asks for it should know at once when it cannot be done. */
async function announceConsumers(context: ActionContext, log: Log): Promise<void> {
  const { consumers, unknown } = await describeConsumers(context)
  if (unknown !== undefined) {
    log.warn(`SNAP_QUIESCE=${context.config.quiesce} cannot be done: ${unknown}`)
  }
  for (const { name, quiesce, problems } of consumers) {
    log.info(`consumer ${name}: ${quiesce} for a snapshot`)
    for (const problem of problems) log.warn(`consumer ${name}: ${problem}`)
  }
}

/** The time of a run that no daemon was there for. */
function findMissedRun(settings: Settings, store: StoreLayout, now: Date): Date | undefined {
  if (!settings.catchUp) return undefined
  const due = readNextRun(store)
  return due !== undefined && due < now ? due : undefined
}

function noteNextRun(store: StoreLayout, schedule: Schedule, log: Log): void {
  const next = schedule.nextRun()
  if (next === undefined) return
  try {
    writeNextRun(store, next)
  } catch (error) {
    log.warn(`the next run cannot be noted in the store: ${messageOf(error)}`)
  }
}

async function runOnce(context: ActionContext, log: Log, reason: RunReason): Promise<void> {
  try {
    const result = await takeSnapshot(context, { kind: 'scheduled' })
    log.info(`snapshot ${summarizeSnapshot(result)}`, { reason, ...result })
  } catch (error) {
    const code = error instanceof OperationError ? error.exitCode : 1
    log.error(`no snapshot was taken: ${messageOf(error)}`, { reason, exitCode: code })
  }
}

function logEvent(log: Log, event: ActionEvent): void {
  switch (event.type) {
    case 'waiting':
      return log.info(`waiting for the store: ${event.holder}`, event)
    case 'warning':
      return log.warn(
        `${event.volume === undefined ? '' : `${event.volume}: `}${event.message}`,
        event,
      )
    case 'removed':
      return log.info(`removed ${event.name}: ${event.reason}`, event)
    case 'adopted':
      return log.info(`adopted ${event.name} from the predecessor`, event)
    case 'consumer':
      return log.info(`container ${event.name}: ${event.state}`, event)
    case 'hook':
      return log[event.outcome === 'done' ? 'info' : 'warn'](
        `hook ${event.point}${event.container === null ? '' : ` in ${event.container}`}: ${event.outcome}`,
        event,
      )
    case 'published':
      return log.debug(`published ${event.name}`, event)
    case 'phase':
      return log.debug(`${event.phase} ${event.volume ?? ''}`.trim(), event)
    case 'progress':
      return undefined
  }
}

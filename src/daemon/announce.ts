import type { ActionContext } from '../actions/context.ts'
import { describeConsumers } from '../actions/consumers/describe-consumers.ts'
import { describeNewStore } from '../actions/store/store-place.ts'
import type { Settings } from '../config/settings.ts'
import { OperationError } from '../errors.ts'
import { readCatalog } from '../store/catalog.ts'
import { warnOfFuture } from '../store/future.ts'
import { warnOfMisnamed } from '../store/misnamed.ts'
import type { StoreLayout } from '../store/layout.ts'
import { explainInterruptedRestore, readInterruptedRestore } from '../store/restore-journal.ts'
import type { Log } from '../system/log.ts'
import type { BothSchedules } from './both-schedules.ts'
import { restrictsBothDays } from './schedule.ts'

/** Tells what this daemon is going to do, and what its owner should know at once. */
export async function announce(
  settings: Settings,
  context: ActionContext,
  schedule: BothSchedules,
  log: Log,
): Promise<void> {
  const { store, config } = context
  const newStore = describeNewStore(store)
  if (newStore !== undefined) log.info(newStore)
  for (const { id, path } of config.volumes) log.info(`volume ${id}: ${path}`)
  warnOfBothDays('SNAP_CRON', settings.cron, log)
  warnOfBothDays('SNAP_CHECKSUM_CRON', settings.checksumCron, log)
  warnOfBothDays('SNAP_VERIFY_CRON', settings.verifyCron, log)
  warnOfBothDays('SNAP_PROVE_CRON', settings.proveCron, log)

  if (settings.quiesce !== 'none') await announceConsumers(context, log)
  announceRestore(store, log)
  const [catalog, now] = [readCatalog(store), context.clock.now()]
  for (const warning of [warnOfFuture(catalog, now), warnOfMisnamed(catalog, now)]) {
    if (warning !== undefined) log.warn(warning)
  }
  if (settings.checksumCron !== '') {
    const nextChecksum = schedule.nextChecksumRun()?.toISOString() ?? 'never'
    log.info(
      `all contents are compared on the schedule ${settings.checksumCron} (${settings.timeZone}), next at ${nextChecksum}`,
    )
  }

  if (settings.verifyCron !== '') {
    log.info(`all snapshots are verified on ${settings.verifyCron} (${settings.timeZone})`)
  }

  if (settings.proveCron !== '') {
    log.info(`snapshots are proved on ${settings.proveCron} (${settings.timeZone})`)
  }

  const next = schedule.nextRun()
  log.info(
    `started: store ${store.directory}, schedule ${settings.cron} (${settings.timeZone}), next run ${next?.toISOString() ?? 'never'}`,
    { nextRun: next?.toISOString() ?? null },
  )
}

function warnOfBothDays(variable: string, cron: string, log: Log): void {
  if (!restrictsBothDays(cron)) return
  log.warn(
    `${variable} ${JSON.stringify(cron)} restricts both days: here both must fit, unlike in crontab`,
  )
}

/**
 * Also when nobody can say whether there was one: no snapshot is taken then, and the daemon tells
 * that to whoever asks.
 */
function announceRestore(store: StoreLayout, log: Log): void {
  try {
    const interrupted = readInterruptedRestore(store)
    if (interrupted !== undefined) log.error(explainInterruptedRestore(interrupted).message)
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    log.error(error.message)
  }
}

/** Who asks for it should know at once when it cannot be done. */
async function announceConsumers(context: ActionContext, log: Log): Promise<void> {
  const { consumers, unknown } = await describeConsumers(context)
  if (unknown !== undefined) {
    log.warn(`SNAP_QUIESCE=${context.config.quiesce} cannot be done: ${unknown}`)
  }

  if (unknown === undefined && consumers.length === 0) {
    log.warn(
      `SNAP_QUIESCE=${context.config.quiesce}, and no container mounts the data: it is asked again before each snapshot`,
    )
  }

  for (const { name, quiesce, problems } of consumers) {
    log.info(`consumer ${name}: ${quiesce} for a snapshot`)
    for (const problem of problems) log.warn(`consumer ${name}: ${problem}`)
  }
}

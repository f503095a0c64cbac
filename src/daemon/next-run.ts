import type { Settings } from '../config/settings.ts'
import { messageOf } from '../errors.ts'
import type { StoreLayout } from '../store/layout.ts'
import { readNextRun, writeNextRun } from '../store/schedule-state.ts'
import type { Log } from '../system/log.ts'
import type { BothSchedules } from './both-schedules.ts'

/** The time of a run that no daemon was there for. */
export function findMissedRun(settings: Settings, store: StoreLayout, now: Date): Date | undefined {
  if (!settings.catchUp) return undefined
  const due = readNextRun(store)
  return due !== undefined && due < now ? due : undefined
}

/** For the next daemon, which makes it up if none was there for it. */
export function noteNextRun(store: StoreLayout, schedule: BothSchedules, log: Log): void {
  const next = schedule.nextRun()
  if (next === undefined) return

  try {
    writeNextRun(store, next)
  } catch (error) {
    log.warn(`the next run cannot be noted in the store: ${messageOf(error)}`)
  }
}

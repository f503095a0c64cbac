import prettyMilliseconds from 'pretty-ms'
import { messageOf } from '../errors.ts'
import { readCatalog } from '../store/catalog.ts'
import { type ClockReading, readClockReading, writeClockReading } from '../store/clock-state.ts'
import type { StoreLayout } from '../store/layout.ts'
import type { RecordWarning } from '../store/record.ts'
import { bootId, uptimeMs } from '../system/boot.ts'
import type { ActionContext } from './context.ts'

/** A clock that is put right by less says little about the order of snapshots. */
const smallStepMs = 5 * 60_000
/** A machine that sleeps, or whose virtual machine is paused, runs for less time than passes. */
const longestSleepMs = 7 * 86_400_000
/** For so long a machine may well have been switched off. */
const longestOffMs = 366 * 86_400_000

/** What is known of the last run where no reading was noted. */
type LastRun = Omit<ClockReading, 'uptimeMs'> & { uptimeMs?: number }

/**
 * How the clock jumped since the last run, for people; undefined where it did not, as far as one
 * can know.
 */
export function findClockJump(store: StoreLayout, now: Date): string | undefined {
  const last: LastRun | undefined = readClockReading(store) ?? newestSnapshot(store)
  if (last === undefined) return undefined
  const passedMs = now.getTime() - Date.parse(last.time)
  if (passedMs < -smallStepMs) {
    return `the clock was set back since the last run: it is ${now.toISOString()}, and was ${last.time}`
  }

  const isSameBoot =
    last.uptimeMs !== undefined && last.boot !== undefined && last.boot === bootId()
  const ranMs = isSameBoot ? uptimeMs() - (last.uptimeMs ?? 0) : 0
  if (passedMs - ranMs <= (isSameBoot ? longestSleepMs : longestOffMs)) return undefined

  const jump = prettyMilliseconds(passedMs - ranMs, { unitCount: 2 })
  return `the clock went on by ${jump} since the last run without this machine running: it is ${now.toISOString()}, and was ${last.time}`
}

function newestSnapshot(store: StoreLayout): LastRun | undefined {
  const newest = readCatalog(store).snapshots.at(-1)
  return newest && { time: newest.time.toISOString() }
}

/** What is said where nothing is removed because of it. */
export function warnOfJump(jump: string): RecordWarning {
  const message = `${jump}: nothing is removed this time; check the clock, the next run removes again`
  return { code: 'clock-jump', message }
}

/** Notes the clock for the next run. */
export function noteClock({ store, clock, emit }: ActionContext): void {
  const boot = bootId()
  try {
    const time = clock.now().toISOString()
    writeClockReading(store, { time, ...(boot !== undefined && { boot }), uptimeMs: uptimeMs() })
  } catch (error) {
    const message = `the clock is not noted in ${store.clock}: ${messageOf(error)}`
    emit({ type: 'warning', code: 'clock', message })
  }
}

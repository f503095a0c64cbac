import { throwIfInterrupted } from '../errors.ts'
import type { Catalog } from '../store/catalog.ts'
import { futureSnapshots } from '../store/future.ts'
import type { RecordWarning, SnapshotRecord } from '../store/record.ts'
import type { ActionContext } from './context.ts'

const longestWaitMs = 2000

/**
 * Two snapshots in one second have names apart; the second one waits for its own, unless the clock
 * is off.
 */
export async function waitForSecond({ clock, signal }: ActionContext, time: Date): Promise<void> {
  const aheadMs = time.getTime() - clock.now().getTime()
  if (aheadMs <= 0 || aheadMs > longestWaitMs) return
  await clock.sleep(aheadMs, signal).catch(() => throwIfInterrupted(signal))
}

/** By that one knows which is newer, although their names say the contrary. */
export function recordOfFuture(catalog: Catalog, now: Date): Pick<SnapshotRecord, 'afterFuture'> {
  const afterFuture = futureSnapshots(catalog, now).map(({ name }) => name)
  return afterFuture.length === 0 ? {} : { afterFuture }
}

/** What a record says of a snapshot that is named ahead of the clock. */
export function warnOfClock(now: Date, named: Date): RecordWarning[] {
  const aheadSeconds = Math.round((named.getTime() - now.getTime()) / 1000)
  if (aheadSeconds <= 2) return []

  return [
    {
      code: 'clock',
      message: `the clock is ${aheadSeconds} s behind the newest snapshot, so this one is named for the second after that: check the clock`,
    },
  ]
}

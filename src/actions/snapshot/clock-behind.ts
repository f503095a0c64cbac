import { throwIfInterrupted } from '../../errors.ts'
import type { Catalog } from '../../store/catalog.ts'
import { futureSnapshots } from '../../store/future.ts'
import type { RecordWarning, SnapshotRecord } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'

const longestWaitMs = 2000

/**
 * Two snapshots in one second need different names: the second one waits for the next second. A
 * clock that is further behind is wrong, and nobody waits for it.
 */
export async function waitForSecond(
  { clock, signal }: Pick<ActionContext, 'clock' | 'signal'>,
  nameTime: Date,
): Promise<void> {
  const behindMs = nameTime.getTime() - clock.now().getTime()
  if (behindMs <= 0 || behindMs > longestWaitMs) return
  await clock.sleep(behindMs, signal).catch(() => throwIfInterrupted(signal))
}

/** What a record says of a snapshot that was named ahead of the clock, and not waited for. */
export function warnOfClock(startedAt: Date, nameTime: Date): RecordWarning[] {
  const behindMs = nameTime.getTime() - startedAt.getTime()
  if (behindMs <= longestWaitMs) return []

  return [
    {
      code: 'clock',
      message: `the clock is ${Math.round(behindMs / 1000)} s behind the newest snapshot, so this one is named one second after that: check the clock`,
    },
  ]
}

/**
 * Lists the snapshots that are dated in the future. The new one is newer than they are, although
 * its name sorts first.
 */
export function afterFutureField(catalog: Catalog, now: Date): Pick<SnapshotRecord, 'afterFuture'> {
  const afterFuture = futureSnapshots(catalog, now).map(({ name }) => name)
  return afterFuture.length === 0 ? {} : { afterFuture }
}

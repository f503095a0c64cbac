import { OperationError } from '../errors.ts'

const pattern = /^@GMT-(\d{4})\.(\d{2})\.(\d{2})-(\d{2})\.(\d{2})\.(\d{2})$/

/** The name Samba's shadow_copy2 looks for; UTC, whole seconds. */
export function formatSnapshotName(time: Date): string {
  const [date = '', clock = ''] = time.toISOString().split(/[T.]/)
  return `@GMT-${date.replaceAll('-', '.')}-${clock.replaceAll(':', '.')}`
}

/**
 * The time in a snapshot's name; undefined for any other name, such as one with a 30th of February.
 */
export function parseSnapshotName(name: string): Date | undefined {
  const [, year, month, day, hour, minute, second] = pattern.exec(name) ?? []
  if (year === undefined) return undefined
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // a day too many is taken for the next month, which has a name of its own
  return !Number.isNaN(time.getTime()) && formatSnapshotName(time) === name ? time : undefined
}

/**
 * The time to name the next snapshot by: now in whole seconds, or, when the clock is not past the
 * newest snapshot, the second after it; never a name that something else in the store already has.
 */
export function nextSnapshotTime(
  now: Date,
  newest: Date | undefined,
  taken: ReadonlySet<string>,
): Date {
  const nowSeconds = Math.floor(now.getTime() / 1000)
  const afterNewest = newest === undefined ? nowSeconds : Math.floor(newest.getTime() / 1000) + 1
  let seconds = Math.max(nowSeconds, afterNewest)
  while (taken.has(formatSnapshotName(new Date(seconds * 1000)))) seconds += 1

  const time = new Date(seconds * 1000)
  if (parseSnapshotName(formatSnapshotName(time)) === undefined) {
    throw new OperationError(
      `no name is left for a snapshot: the newest one in the store is of ${newest?.toISOString()};`,
      { fix: 'move it away' },
    )
  }

  return time
}

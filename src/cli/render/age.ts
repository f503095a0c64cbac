import prettyMilliseconds from 'pretty-ms'
import { isFuture } from '../../store/future.ts'
import type { SnapshotRecord } from '../../store/record.ts'
import { parseSnapshotName } from '../../store/names.ts'

/** How long ago a snapshot was taken, in its largest unit; `-` for one of the future. */
export function formatAge(record: SnapshotRecord, now: Date): string {
  if (isAhead(record, now)) return '-'
  return prettyMilliseconds(Math.max(0, now.getTime() - timeOf(record).getTime()), {
    compact: true,
  })
}

export function isAhead(record: SnapshotRecord, now: Date): boolean {
  return isFuture(timeOf(record), now)
}

function timeOf({ name, startedAt }: SnapshotRecord): Date {
  return parseSnapshotName(name) ?? new Date(startedAt)
}

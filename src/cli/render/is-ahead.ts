import { isFuture } from '../../store/future.ts'
import { parseSnapshotName } from '../../store/names.ts'
import type { SnapshotRecord } from '../../store/record.ts'

/** Whether a wrong clock named the snapshot: then it has no age. */
export function isAhead({ name }: SnapshotRecord, now: Date): boolean {
  const time = parseSnapshotName(name)
  return time !== undefined && isFuture(time, now)
}

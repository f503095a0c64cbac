import prettyMilliseconds from 'pretty-ms'
import type { SnapshotRecord } from '../../store/record.ts'
import { parseSnapshotName } from '../../store/names.ts'

/** How long ago a snapshot was taken, in its largest unit. */
export function formatAge({ name, startedAt }: SnapshotRecord, now: Date): string {
  const taken = parseSnapshotName(name) ?? new Date(startedAt)
  return prettyMilliseconds(Math.max(0, now.getTime() - taken.getTime()), { compact: true })
}

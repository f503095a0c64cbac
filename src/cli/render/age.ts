import prettyMilliseconds from 'pretty-ms'
import type { SnapshotRecord } from '../../store/record.ts'
import { parseSnapshotName } from '../../store/names.ts'

/** A time in its largest unit, in whole seconds where it is less than a minute. */
export function formatSpan(ms: number): string {
  return ms < 1000 ? '0s' : prettyMilliseconds(ms, { compact: true })
}

/** How long ago a snapshot was taken. */
export function formatAge({ name, startedAt }: SnapshotRecord, now: Date): string {
  const taken = parseSnapshotName(name) ?? new Date(startedAt)
  return formatSpan(now.getTime() - taken.getTime())
}

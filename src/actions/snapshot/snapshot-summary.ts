import prettyBytes from 'pretty-bytes'
import { recordTotals } from '../../store/record.ts'
import { counted } from '../../system/counted.ts'
import type { SnapshotResult } from './take-snapshot.ts'

/** One line for a snapshot just taken; the name stands first. */
export function summarizeSnapshot({
  record,
  removed,
}: Pick<SnapshotResult, 'record' | 'removed'>): string {
  const totals = recordTotals(record)
  const pruned = removed.length === 0 ? '' : `; ${removed.length} older removed`
  if (totals === undefined) return `${record.name}${pruned}`

  const { files, bytes, addedFiles, addedBytes } = totals
  const [all, added] = [files, addedFiles].map((count) => counted(count, '{file|files}'))
  return `${record.name}: ${all}, ${prettyBytes(bytes)}; added ${added}, ${prettyBytes(addedBytes)}${pruned}`
}

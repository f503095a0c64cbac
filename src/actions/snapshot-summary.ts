import prettyBytes from 'pretty-bytes'
import { recordTotals } from '../store/record.ts'
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
  return `${record.name}: ${files} files, ${prettyBytes(bytes)}; added ${addedFiles} files, ${prettyBytes(addedBytes)}${pruned}`
}

import prettyBytes from 'pretty-bytes'
import type { StoreDescription } from '../../actions/report/store.ts'
import { type SnapshotRecord, recordTotals } from '../../store/record.ts'
import { formatAge } from './age.ts'
import { isAhead } from './is-ahead.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'
import { formatTable } from './table.ts'

const head = ['SNAPSHOT', 'AGE', 'SIZE', 'ADDED', 'KIND', 'DATA', 'NOTES']

/** One line a snapshot, oldest first, then what is not as it should be. */
export function formatSnapshotList({ snapshots, problems }: StoreDescription, now: Date): string {
  const list =
    snapshots.length === 0
      ? 'There are no snapshots yet: take one with "snap-volume snapshot".\n'
      : formatTable([head, ...snapshots.map((record) => row(record, now))], [1, 2, 3])
  return list + problems.map((problem) => `warning: ${printable(problem)}\n`).join('')
}

function row(record: SnapshotRecord, now: Date): string[] {
  const totals = recordTotals(record)
  return [
    record.name,
    isAhead(record, now) ? '-' : formatAge(record, now),
    totals === undefined ? '?' : prettyBytes(totals.bytes),
    totals === undefined ? '?' : prettyBytes(totals.addedBytes),
    record.kind,
    record.consistency,
    notes(record, now),
  ]
}

function notes(record: SnapshotRecord, now: Date): string {
  const { pinned, warnings, labels, comment } = record
  return [
    ...(isAhead(record, now) ? ['of the future'] : []),
    ...(pinned ? ['pinned'] : []),
    ...(warnings.length === 0 ? [] : [counted(warnings.length, '{warning|warnings}')]),
    ...Object.entries(labels).map(([key, value]) => printable(`${key}=${value}`)),
    ...(comment === null ? [] : [printable(comment)]),
  ].join('; ')
}

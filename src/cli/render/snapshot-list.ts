import prettyBytes from 'pretty-bytes'
import type { StoreDescription } from '../../actions/report/store.ts'
import type { KeptSnapshot } from '../../actions/store/kept-now.ts'
import { parseSnapshotName } from '../../store/names.ts'
import { type SnapshotRecord, proofOf, recordTotals } from '../../store/record.ts'
import { formatAge, formatSpan } from './age.ts'
import { isAhead } from './is-ahead.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'
import { formatTable } from './table.ts'

/** A store, with what retention makes of its snapshots; that is empty where nobody knows it. */
export interface ListedStore extends StoreDescription {
  retention: readonly KeptSnapshot[]
}

/** How the list is shown. */
export interface ListLook {
  now: Date
  /** How wide the terminal is; undefined where there is none: then all is shown, and no bars. */
  width?: number | undefined
}

interface Column {
  title: string
  isNumber?: boolean
  cell: (record: SnapshotRecord) => string
}

/** On a narrow terminal these are left out, the first one first. */
const dispensable = ['', 'DATA', 'KIND', 'TAKEN', 'SIZE', 'KEPT']
const gap = 2
const leastNotes = 10
const barLength = 8

/** One line a snapshot, then what is not as it should be. */
export function formatSnapshotList(description: ListedStore, look: ListLook): string {
  const { snapshots, problems } = description
  const list =
    snapshots.length === 0
      ? 'There are no snapshots yet: take one with "snap-volume snapshot".\n'
      : formatFitting(columnsOf(description, look), snapshots, look.width)
  return list + problems.map((problem) => `warning: ${printable(problem)}\n`).join('')
}

function columnsOf(
  { snapshots, config, retention, verified }: ListedStore,
  { now, width }: ListLook,
): Column[] {
  const kept = new Map(retention.map((one) => [one.name, one]))
  const formatTaken = localTime(config?.timeZone)
  const mostBytes = Math.max(1, ...snapshots.map((one) => recordTotals(one)?.addedBytes ?? 0))

  return [
    { title: 'SNAPSHOT', cell: ({ name }) => name },
    ...(formatTaken === undefined ? [] : [{ title: 'TAKEN', cell: formatTaken }]),
    {
      title: 'AGE',
      isNumber: true,
      cell: (record) =>
        isAhead(record, now) ? '-' : formatAge(record, now).replace(/^0s$/, 'now'),
    },
    { title: 'SIZE', isNumber: true, cell: (record) => formatBytes(recordTotals(record)?.bytes) },
    {
      title: 'COPIED',
      isNumber: true,
      cell: (record) => formatBytes(recordTotals(record)?.addedBytes),
    },
    ...(width === undefined
      ? []
      : [{ title: '', cell: (record: SnapshotRecord) => formatBar(record, mostBytes) }]),
    { title: 'KIND', cell: ({ kind }) => kind },
    { title: 'DATA', cell: ({ consistency }) => consistency },
    ...(retention.length === 0
      ? []
      : [{ title: 'KEPT', cell: ({ name }: SnapshotRecord) => formatKept(kept.get(name), now) }]),
    { title: 'NOTES', cell: (record) => notes(record, now, verified.damaged[record.name] ?? 0) },
  ]
}

/** Leaves out columns until the others fit, and cuts the notes off. */
function formatFitting(
  columns: readonly Column[],
  snapshots: readonly SnapshotRecord[],
  width: number | undefined,
): string {
  const all = columns.map((column) => {
    const cells = [column.title, ...snapshots.map((record) => column.cell(record))]
    return { ...column, cells, width: Math.max(...cells.map((cell) => cell.length)) }
  })
  const shown = [...all]
  const notesColumn = shown.pop()
  if (width !== undefined) {
    const wantsNotes = Math.min(notesColumn?.width ?? 0, leastNotes)
    for (const title of dispensable) {
      if (totalWidth(shown) + wantsNotes <= width) break
      const at = shown.findIndex((column) => column.title === title)
      if (at !== -1) shown.splice(at, 1)
    }
  }

  const left = width === undefined ? Infinity : Math.max(0, width - totalWidth(shown))
  const cut = notesColumn?.cells.map((cell) => shorten(cell, left)) ?? []
  const rows = [...snapshots.keys(), snapshots.length].map((row) => [
    ...shown.map(({ cells }) => cells[row] ?? ''),
    cut[row] ?? '',
  ])
  const numbers = shown.flatMap(({ isNumber }, index) => (isNumber === true ? [index] : []))
  return formatTable(rows, numbers)
}

function totalWidth(columns: readonly { width: number }[]): number {
  return columns.reduce((sum, column) => sum + column.width + gap, 0)
}

function formatBytes(size: number | undefined): string {
  return size === undefined ? '?' : prettyBytes(size)
}

function shorten(text: string, length: number): string {
  if (text.length <= length) return text
  return length < 2 ? '' : `${text.slice(0, length - 1)}…`
}

/** On the clocks of SNAP_TZ, where that is not the name's own time. */
function localTime(timeZone: string | undefined): Column['cell'] | undefined {
  if (timeZone === undefined || ['GMT', 'UTC', 'Etc/UTC', 'Etc/GMT'].includes(timeZone)) {
    return undefined
  }
  // Swedish dates are those of ISO 8601
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'short',
  })
  return ({ name, startedAt }) => format.format(parseSnapshotName(name) ?? new Date(startedAt))
}

/** What a snapshot copied, beside the others. */
function formatBar(record: SnapshotRecord, mostBytes: number): string {
  const share = (recordTotals(record)?.addedBytes ?? 0) / mostBytes
  return '#'.repeat(Math.ceil(share * barLength))
}

/** Why it stays, and for about how long. */
function formatKept(kept: KeptSnapshot | undefined, now: Date): string {
  if (kept === undefined) return ''
  if (!kept.keep) return 'goes next'
  const [, number, most] = /^number (\d+) of the newest (\d+)/.exec(kept.reason) ?? []
  const why = number === undefined ? kept.reason : `${number} of ${most}`
  const leftMs = kept.until === null ? 0 : Date.parse(kept.until) - now.getTime()
  return leftMs <= 0 ? printable(why) : `${printable(why)}, ~${formatSpan(leftMs)}`
}

function formatProof(record: SnapshotRecord): string {
  return proofOf(record) === 'proved' ? 'proved' : 'not proved: a server did not start on it'
}

function notes(record: SnapshotRecord, now: Date, damaged: number): string {
  const { pinned, warnings, labels, comment } = record
  return [
    ...(isAhead(record, now) ? ['of the future'] : []),
    ...(pinned ? ['pinned'] : []),
    ...(proofOf(record) === undefined ? [] : [formatProof(record)]),
    ...(damaged === 0 ? [] : [counted(damaged, '{path|paths} damaged')]),
    ...(warnings.length === 0 ? [] : [counted(warnings.length, '{warning|warnings}')]),
    ...Object.entries(labels).map(([key, value]) => printable(`${key}=${value}`)),
    ...(comment === null ? [] : [printable(comment)]),
  ].join('; ')
}

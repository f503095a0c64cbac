import prettyBytes from 'pretty-bytes'
import prettyMilliseconds from 'pretty-ms'
import type { HookRecord, RecordWarning, SnapshotRecord, VolumeRecord } from '../../store/record.ts'
import { formatAge } from './age.ts'
import { printable } from '../../system/printable.ts'
import { formatTable } from './table.ts'

/** The whole record of one snapshot. */
export function formatSnapshot(record: SnapshotRecord, directory: string, now: Date): string {
  const { name, kind, comment, pinned, labels, startedAt, finishedAt } = record
  const tookMs = new Date(finishedAt).getTime() - new Date(startedAt).getTime()
  return formatTable([
    ['snapshot', `${name} (${formatAge(record, now)} ago)`],
    ['directory', printable(directory)],
    ['kind', kind],
    ['consistency', formatConsistency(record)],
    ['comment', comment === null ? '' : printable(comment)],
    ['pinned', pinned ? 'yes' : 'no'],
    ...Object.entries(labels).map(([key, value]) => [`label ${printable(key)}`, printable(value)]),
    ['taken', `${startedAt}, in ${prettyMilliseconds(Math.max(0, tookMs))}`],
    ['program', printable(record.program)],
    ...storeRows(record),
    ...record.volumes.flatMap(volumeRows),
    ...(record.hooks ?? []).flatMap(hookRows),
    ...record.warnings.flatMap(warningRows),
  ])
}

function storeRows({ storeLacks = [], mtimeStepNs }: SnapshotRecord): string[][] {
  return [
    ...(storeLacks.length === 0 ? [] : [['not kept', printable(storeLacks.join(', '))]]),
    ...(mtimeStepNs === undefined ? [] : [['times', `in steps of ${mtimeStepNs} ns`]]),
  ]
}

function formatConsistency({ consistency, quietMs, consumers = [] }: SnapshotRecord): string {
  if (quietMs === undefined) return consistency
  const held = consumers.map(
    ({ name, action, ms }) =>
      `${printable(name)} ${action === 'pause' ? 'paused' : 'stopped'} for ${prettyMilliseconds(ms)}`,
  )
  return `${consistency} (${held.join(', ')})`
}

function hookRows({ point, container, outcome, ms, output }: HookRecord): string[][] {
  const where = container === null ? 'here' : `in ${printable(container)}`
  const lines = output.split('\n').filter((line) => line !== '')
  return [
    [`hook ${printable(point)}`, `${where}: ${outcome} in ${prettyMilliseconds(ms)}`],
    ...lines.map((line) => ['', `| ${printable(line)}`]),
  ]
}

function volumeRows(volume: VolumeRecord): string[][] {
  const { id, path, engine, reflink, contents } = volume
  const rows = [
    [`volume ${id}`, printable(path)],
    [
      '',
      `engine ${printable(engine)}${reflink === true ? ' with reflinks' : ''}, ${describeBase(volume)}`,
    ],
  ]
  if (contents === null) return [...rows, ['', 'not counted']]
  const { files, directories, symlinks, specials, linkGroups, bytes, addedFiles } = contents
  return [
    ...rows,
    [
      '',
      `${files} files, ${directories} directories, ${symlinks} symlinks, ${specials} specials, ${linkGroups} link groups`,
    ],
    ['', `${prettyBytes(bytes)}; added ${addedFiles} files, ${prettyBytes(contents.addedBytes)}`],
  ]
}

function describeBase({ base, baseVolume }: VolumeRecord): string {
  if (base === null) return 'a full copy'
  return `based on ${base}${baseVolume === undefined ? '' : `, where it is ${baseVolume}`}`
}

function warningRows({ code, message, paths = [] }: RecordWarning): string[][] {
  return [
    [`warning ${printable(code)}`, printable(message)],
    ...paths.map((path) => ['', printable(path)]),
  ]
}

import prettyBytes from 'pretty-bytes'
import prettyMilliseconds from 'pretty-ms'
import type {
  HookRecord,
  ProofRecord,
  RecordWarning,
  SnapshotRecord,
  VolumeRecord,
} from '../../store/record.ts'
import { formatAge } from './age.ts'
import { isAhead } from './is-ahead.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'
import { formatTable } from './table.ts'

/** The whole record of one snapshot. */
export function formatSnapshot(record: SnapshotRecord, directory: string, now: Date): string {
  const { name, kind, comment, pinned, labels, startedAt, finishedAt } = record
  const tookMs = new Date(finishedAt).getTime() - new Date(startedAt).getTime()

  return formatTable([
    [
      'snapshot',
      `${name} (${isAhead(record, now) ? 'of the future' : `${formatAge(record, now)} ago`})`,
    ],
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
    ...(record.proofs ?? []).flatMap(proofRows),
    ...record.warnings.flatMap(warningRows),
  ])
}

/** What people wrote about a snapshot. */
export function formatAnnotations({ name, comment, pinned, labels }: SnapshotRecord): string {
  return formatTable([
    ['snapshot', name],
    ['comment', comment === null ? '' : printable(comment)],
    ['pinned', pinned ? 'yes' : 'no'],
    ...Object.entries(labels).map(([key, value]) => [`label ${printable(key)}`, printable(value)]),
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

/** Whether a server started on it; what it printed where it did not. */
export function proofRows({ container, at, ms, outcome, reason, output }: ProofRecord): string[][] {
  const lines = outcome === 'proved' ? [] : output.split('\n').filter((line) => line !== '')
  return [
    [outcome, `${printable(container)}: ${printable(reason)}, ${at}, in ${prettyMilliseconds(ms)}`],
    ...lines.map((line) => ['', `| ${printable(line)}`]),
  ]
}

/** What was left out of a volume. */
export function formatExclude(patterns: readonly string[]): string {
  return `without ${patterns.map(printable).join(' | ')}`
}

function volumeRows(volume: VolumeRecord): string[][] {
  const { id, path, engine, reflink, exclude = [], contents } = volume
  const rows = [
    [`volume ${id}`, printable(path)],
    [
      '',
      `engine ${printable(engine)}${reflink === true ? ' with reflinks' : ''}, ${describeBase(volume)}`,
    ],
    ...(exclude.length === 0 ? [] : [['', formatExclude(exclude)]]),
  ]
  if (contents === null) return [...rows, ['', 'not counted']]

  const { files, directories, symlinks, specials, linkGroups, bytes, addedFiles } = contents
  return [
    ...rows,
    [
      '',
      [
        counted(files, '{file|files}'),
        counted(directories, '{directory|directories}'),
        counted(symlinks, '{symlink|symlinks}'),
        counted(specials, '{special|specials}'),
        counted(linkGroups, 'link {group|groups}'),
      ].join(', '),
    ],
    [
      '',
      `${prettyBytes(bytes)}; added ${counted(addedFiles, '{file|files}')}, ${prettyBytes(contents.addedBytes)}`,
    ],
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

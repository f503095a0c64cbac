import prettyBytes from 'pretty-bytes'
import type { Diff, VolumeDiff } from '../../actions/inspect/diff.ts'
import { absolutePath, changelogOf } from '../../diff/changelog.ts'
import type { Change } from '../../diff/compare-trees.ts'
import { pathFields } from './path-fields.ts'
import { formatTable } from './table.ts'

const kinds = ['added', 'deleted', 'modified', 'metadata', 'type', 'renamed'] as const

/** A line of JSON for each change. */
export function changeLines({ volumes }: Diff): string[] {
  return volumes.flatMap(({ id, changes }) =>
    changes.map(
      (change) => `${JSON.stringify({ type: 'change', ...describeChange(id, change) })}\n`,
    ),
  )
}

function describeChange(
  volume: string,
  { kind, path, type, from, metadata, size }: Change,
): object {
  return {
    kind,
    volume,
    ...pathFields('path', path),
    ...(from === undefined ? {} : pathFields('from', from)),
    entry: type,
    ...(metadata === undefined ? {} : { metadata }),
    size,
  }
}

/** How many of each kind, for each volume. */
export function describeStat({ from, to, volumes }: Diff): object {
  return {
    from,
    to,
    volumes: volumes.map((volume) => ({ id: volume.id, path: volume.path, ...countsOf(volume) })),
  }
}

function countsOf({ changes }: VolumeDiff): { counts: object; bytes: number } {
  const counts = Object.fromEntries(
    kinds.map((kind) => [kind, changes.filter((change) => change.kind === kind).length]),
  )
  const bytes = changes.reduce((sum, { size }) => sum + (size.to ?? 0) - (size.from ?? 0), 0)
  return { counts, bytes }
}

function formatStat(diff: Diff): string {
  return diff.volumes
    .map((volume) => {
      const { changes, id } = volume
      const told = kinds.flatMap((kind) => {
        const count = changes.filter((change) => change.kind === kind).length
        return count === 0 ? [] : [`${count} ${kind}`]
      })
      const what = told.length === 0 ? 'nothing changed' : told.join(', ')
      const { bytes } = countsOf(volume)
      return `${id}: ${what}, ${bytes < 0 ? '-' : '+'}${prettyBytes(Math.abs(bytes))}\n`
    })
    .join('')
}

/** A line for each change, with the path as the application knows it. */
function formatDiff(diff: Diff): string {
  const rows = diff.volumes.flatMap(({ path: root, changes }) =>
    changes.map(({ kind, path, from, type, metadata = [], size }) => [
      kind,
      `${from === undefined ? '' : `${absolutePath(root, from)} -> `}${absolutePath(root, path)}${type === 'd' ? '/' : ''}`,
      [...metadata, ...describeSize(kind, size)].join(', '),
    ]),
  )
  return (rows.length === 0 ? '' : formatTable(rows)) + formatStat(diff)
}

function describeSize(kind: Change['kind'], { from, to }: Change['size']): string[] {
  if (kind === 'modified' && from !== null && to !== null) {
    return [from === to ? prettyBytes(to) : `${prettyBytes(from)} -> ${prettyBytes(to)}`]
  }
  const size = to ?? from
  return size === null || kind === 'metadata' || kind === 'renamed' ? [] : [prettyBytes(size)]
}

/** As the options say: a line each, lines of a changelog, or numbers. */
export function formatDiffAs(diff: Diff, options: Readonly<Record<string, unknown>>): string {
  if (options['stat'] === true) return formatStat(diff)
  return options['changelog'] === true ? formatChangelog(diff) : formatDiff(diff)
}

function formatChangelog({ volumes }: Diff): string {
  return volumes.map(({ path, changes }) => changelogOf(path, changes)).join('')
}

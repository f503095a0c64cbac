import prettyBytes from 'pretty-bytes'
import type { FoundName } from '../../actions/inspect/find-names.ts'
import type { History } from '../../actions/inspect/history.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'
import { type BytePath, displayPath } from '../../tree/byte-path.ts'
import { pathFields } from './path-fields.ts'
import { formatTable } from './table.ts'

export function describeHistory({ volume, path, versions, gone }: History): object {
  return { schema: 1, volume, ...pathFields('path', path), versions, gone }
}

/** A line for each version, and for each time in which it was gone. */
export function formatHistory(found: readonly History[], volumes: readonly VolumeSpec[]): string {
  return found
    .map((history) => {
      const rows = history.versions.map(
        ({ number, first, last, live, type, size, mtime, ...rest }) => [
          String(number),
          first,
          first === 'live' ? '' : live ? `${last}, live` : last,
          type === 'f' ? prettyBytes(size) : type,
          `${mtime.slice(0, 19)}Z`,
          `${rest.uid}:${rest.gid}`,
          rest.mode,
        ],
      )
      const head = ['', 'FIRST', 'LAST', 'SIZE', 'MODIFIED', 'OWNER', 'MODE']
      const gone = history.gone.map(({ from, to }) =>
        to === 'live' ? `gone since ${from}\n` : `gone from ${from} to ${to}\n`,
      )
      return `${absolute(history, volumes)}\n${formatTable([head, ...rows], [3])}${gone.join('')}`
    })
    .join('\n')
}

export function describeFound({ volume, path, type, first, last, live }: FoundName): object {
  return { volume, ...pathFields('path', path), entry: type, first, last, live }
}

/** A line for each path, with the snapshots that have it. */
export function formatFound(found: readonly FoundName[], volumes: readonly VolumeSpec[]): string {
  const rows = found.map((one) => [
    `${absolute(one, volumes)}${one.type === 'd' ? '/' : ''}`,
    one.first,
    one.live ? `${one.last === 'live' ? '' : `${one.last}, `}live` : one.last,
  ])
  const table = rows.length === 0 ? '' : formatTable([['PATH', 'FIRST', 'LAST'], ...rows])
  return `${table}${counted(found.length, '{path|paths}')}\n`
}

function absolute(
  { volume, path }: { volume: string; path: BytePath },
  volumes: readonly VolumeSpec[],
): string {
  const root = volumes.find(({ id }) => id === volume)?.path ?? volume
  return printable(path === '' ? root : `${root}/${displayPath(path)}`)
}

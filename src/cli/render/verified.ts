import type { Verified } from '../../actions/inspect/verify.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'
import { displayPath } from '../../tree/byte-path.ts'
import { pathFields } from './path-fields.ts'
import { formatTable } from './table.ts'

/** A line of JSON for each fault. */
export function damageLines({ damage }: Verified): string[] {
  return damage.map(({ volume, path, what, snapshots }) => {
    const document = { type: 'damage', volume, ...pathFields('path', path), what, snapshots }
    return `${JSON.stringify(document)}\n`
  })
}

export function describeVerified({
  compared,
  recorded,
  firstRead,
  read,
  damage,
}: Verified): object {
  return { compared, recorded, firstRead, read, damaged: damage.length }
}

/** What is damaged, in which snapshots, and how much was looked at. */
export function formatVerified(
  { compared, recorded, firstRead, read, damage }: Verified,
  volumes: readonly VolumeSpec[],
): string {
  const rows = damage.map(({ volume, path, what, snapshots }) => {
    const root = volumes.find(({ id }) => id === volume)?.path ?? volume
    return [what, printable(`${root}/${displayPath(path)}`), snapshots.join(' ')]
  })
  const table = rows.length === 0 ? '' : formatTable([['DAMAGE', 'PATH', 'SNAPSHOTS'], ...rows])
  const looked = `${counted(compared, '{volume|volumes}')} compared, ${recorded} recorded, ${counted(read, '{file|files}')} read, ${firstRead} for the first time`
  const outcome =
    damage.length === 0
      ? 'nothing is damaged'
      : `${counted(damage.length, '{path is|paths are}')} damaged`
  return `${table}${looked}: ${outcome}\n`
}

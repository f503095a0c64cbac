import type { Verified } from '../../actions/inspect/verify.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'
import { displayPath } from '../../tree/byte-path.ts'
import { pathFields } from './path-fields.ts'
import { formatTable } from './table.ts'

/** A line of JSON for each fault. */
export function damageLines({ damage }: Verified): string[] {
  return damage.map(({ volume, path, what, snapshots, goodCopy, repaired, accepted }) => {
    const outcome = {
      ...(repaired === undefined ? {} : { repaired }),
      ...(accepted === undefined ? {} : { accepted }),
    }
    const where = { volume, ...pathFields('path', path) }
    const document = { type: 'damage', ...where, what, snapshots, goodCopy, ...outcome }
    return `${JSON.stringify(document)}\n`
  })
}

export function describeVerified({
  compared,
  recorded,
  firstRead,
  read,
  damage,
  repaired,
  accepted,
}: Verified): object {
  return { compared, recorded, firstRead, read, damaged: damage.length, repaired, accepted }
}

/** What is damaged, in which snapshots, and how much was looked at. */
export function formatVerified(
  { compared, recorded, firstRead, read, damage, repaired, accepted }: Verified,
  volumes: readonly VolumeSpec[],
): string {
  const rows = damage.map((one) => {
    const { volume, path, what, snapshots, goodCopy } = one
    const root = volumes.find(({ id }) => id === volume)?.path ?? volume
    const outcome = one.repaired === true ? 'repaired' : one.accepted === true && 'accepted'
    const copy = outcome === false ? (goodCopy ?? '-') : outcome
    return [what, printable(`${root}/${displayPath(path)}`), copy, snapshots.join(' ')]
  })
  const heading = ['DAMAGE', 'PATH', 'GOOD COPY', 'SNAPSHOTS']
  const table = rows.length === 0 ? '' : formatTable([heading, ...rows])
  const looked = `${counted(compared, '{volume|volumes}')} compared, ${recorded} recorded, ${counted(read, '{file|files}')} read, ${firstRead} for the first time`
  const outcome =
    damage.length === 0
      ? 'nothing is damaged'
      : `${counted(damage.length, '{path is|paths are}')} damaged${repaired === 0 ? '' : `, ${repaired} repaired`}${accepted === 0 ? '' : `, ${accepted} accepted`}`
  return `${table}${looked}: ${outcome}\n`
}

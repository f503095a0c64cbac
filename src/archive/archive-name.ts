import { formatSnapshotName, parseSnapshotName } from '../store/names.ts'

/** What the name of an archive says. */
export interface ArchiveName {
  volume: string
  snapshot: string
  isFull: boolean
}

const pattern = /^([A-Za-z0-9][A-Za-z0-9._-]*)_(\d{8}T\d{6}Z)(_Full)?\.tar\.zst$/

/** `ID_20261120T030000Z_Full.tar.zst`, without `_Full` for an increment. */
export function formatArchiveName({ volume, snapshot, isFull }: ArchiveName): string {
  const time = parseSnapshotName(snapshot)?.toISOString() ?? ''
  const stamp = `${time.slice(0, 19).replaceAll(/[-:]/g, '')}Z`
  return `${volume}_${stamp}${isFull ? '_Full' : ''}.tar.zst`
}

/** Undefined for the name of anything else. */
export function parseArchiveName(name: string): ArchiveName | undefined {
  const [, volume, stamp, full] = pattern.exec(name) ?? []
  if (volume === undefined || stamp === undefined) return undefined

  const time = new Date(stamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (Number.isNaN(time.getTime())) return undefined
  const parsed = { volume, snapshot: formatSnapshotName(time), isFull: full !== undefined }
  return formatArchiveName(parsed) === name ? parsed : undefined
}

/** The file that lists what changed, beside an archive. */
export function changelogNameOf(archive: string): string {
  return `${archive.replace(/\.tar\.zst$/, '')}_changelog.txt`
}

/** The file with its SHA-256, as sha256sum(1) has it. */
export function checksumNameOf(archive: string): string {
  return `${archive}.sha256`
}

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { SourceError } from '../errors.ts'
import { type Catalog, type Snapshot, isAside } from '../store/catalog.ts'
import { recordedSnapshots } from '../store/future.ts'
import type { RecordWarning, VolumeRecord } from '../store/record.ts'

/**
 * Refuses what looks like a volume that is not mounted: a snapshot of nothing would push the good
 * ones out. Throws SourceError when `volume` is empty, or no mount point any more, and was not in
 * the snapshot before.
 */
export function assertSourceIsThere(volume: VolumeRecord, staged: string, catalog: Catalog): void {
  const snapshot = findBefore(volume, catalog)
  const before = snapshot?.record.volumes.find(({ id }) => id === volume.id)
  if (snapshot === undefined || before === undefined) return
  const problem = findProblem(volume, staged, before, snapshot)
  if (problem === undefined) return

  throw new SourceError(`volume ${volume.id} is not snapshotted: ${problem};`, {
    fix: 'mount it, or if this is meant, run "snap-volume snapshot --allow-empty"',
  })
}

/** A safety snapshot may be of nothing: that is what a restore is for. */
function findBefore({ id }: VolumeRecord, catalog: Catalog): Snapshot | undefined {
  return recordedSnapshots(catalog).findLast(
    (one) => !isAside(one) && one.record.volumes.some((volume) => volume.id === id),
  )
}

/**
 * The code of a warning of a volume in which there was nothing, and nobody said that this is right.
 */
export const noFiles = 'no-files'

export function describeNoFiles(path: string): string {
  return `${path} has no files: is it the volume you mean? Docker makes an empty one for a name that is misspelt`
}

/**
 * Flags a snapshot of nothing that has none of files before it, until one is taken with
 * --allow-empty.
 */
export function warnOfNoFiles(
  volume: VolumeRecord,
  staged: string,
  catalog: Catalog,
): RecordWarning[] {
  if (hasEntries(volume, staged)) return []
  const before = findBefore(volume, catalog)
  const isAccepted = before?.record.warnings.every(
    (one) => one.code !== noFiles || one.volume !== volume.id,
  )
  if (isAccepted === true) return []

  const message = `${describeNoFiles(volume.path)}; if this is meant, run "snap-volume snapshot --allow-empty"`
  return [{ code: noFiles, message }]
}

/** Any but directories. */
function hasEntries(volume: VolumeRecord, tree: string): boolean {
  const { symlinks = 0, specials = 0 } = volume.contents ?? {}
  return symlinks + specials > 0 || hasFiles(volume, tree)
}

function findProblem(
  volume: VolumeRecord,
  staged: string,
  before: VolumeRecord,
  snapshot: Snapshot,
): string | undefined {
  if (!hasFiles(volume, staged) && hasFiles(before, join(snapshot.path, before.id))) {
    return `${volume.path} has no files, and ${snapshot.name} has`
  }
  if (!hasEntries(volume, staged) && hasEntries(before, join(snapshot.path, before.id))) {
    return `${volume.path} is empty, and ${snapshot.name} is not`
  }
  const isSamePath = before.path === volume.path
  if (isSamePath && before.mountPoint === true && volume.mountPoint === false) {
    return `${volume.path} is no mount point now, and was one in ${snapshot.name}`
  }

  return undefined
}

/** Where nobody counted, any entry will do. */
function hasFiles({ contents }: VolumeRecord, tree: string): boolean {
  if (contents !== null) return contents.files > 0
  return existsSync(tree) && readdirSync(tree).length > 0
}

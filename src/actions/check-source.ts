import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { SourceError } from '../errors.ts'
import { type Catalog, type Snapshot, isSafety } from '../store/catalog.ts'
import type { VolumeRecord } from '../store/record.ts'

/**
 * Refuses what looks like a volume that is not mounted: a snapshot of nothing would push the good ones out.
 * Throws SourceError when `volume` is empty, or no mount point any more, and was not in the snapshot before.
 */
export function assertSourceIsThere(volume: VolumeRecord, staged: string, catalog: Catalog): void {
  // a safety snapshot may be of nothing: that is what a restore is for
  const snapshot = catalog.snapshots.findLast(
    (one) => !isSafety(one) && one.record.volumes.some(({ id }) => id === volume.id),
  )
  const before = snapshot?.record.volumes.find(({ id }) => id === volume.id)
  if (snapshot === undefined || before === undefined) return
  const problem = findProblem(volume, staged, before, snapshot)
  if (problem === undefined) return
  throw new SourceError(`volume ${volume.id} is not snapshotted: ${problem};`, {
    fix: 'mount it, or if this is meant, run "snap-volume snapshot --allow-empty"',
  })
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

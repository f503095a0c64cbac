import { join } from 'node:path'
import type { Catalog, Snapshot } from '../../store/catalog.ts'
import { recordedSnapshots } from '../../store/future.ts'
import type { RecordWarning, VolumeRecord } from '../../store/record.ts'
import { isRealDirectory } from '../../tree/directory-handle.ts'
import { isMountPoint, readMounts } from '../../system/mounts.ts'
import { isSameRoot } from './volume-identity.ts'

export const noBase: Base = { snapshot: undefined, id: undefined, warnings: [] }

export type Base = { warnings: RecordWarning[] } & (
  | { snapshot: undefined; id: undefined }
  /** The ID of the volume there. */
  | { snapshot: Snapshot; id: string }
)

/**
 * The newest snapshot that has the volume, and from which files can be linked; one whose data are
 * gone is told of and passed over. A volume is known by its ID. Where there is none of that ID, or
 * the newest is of another directory, one of the same directory is taken, whatever its ID.
 */
export function findBase(catalog: Catalog, { id, root }: Pick<VolumeRecord, 'id' | 'root'>): Base {
  const warnings: RecordWarning[] = []
  const mounts = readMounts()

  // what a clone held has inodes of the clone
  const snapshots = recordedSnapshots(catalog)
    .filter(({ record }) => record.kind !== 'clone')
    .toReversed()
  const volumes = snapshots.map(({ record }) => record.volumes)
  const last = volumes.flat().find((volume) => volume.id === id)
  const hasMoved =
    !isSameRoot(last?.root, root) && volumes.flat().some((one) => isSameRoot(one.root, root))

  const isIt = (volume: VolumeRecord): boolean =>
    hasMoved ? isSameRoot(volume.root, root) : volume.id === id

  for (const snapshot of snapshots) {
    const held = snapshot.record.volumes.find(isIt)
    // nothing can be linked out of a subvolume
    if (held === undefined || held.engine === 'btrfs') continue
    const data = join(snapshot.path, held.id)

    // nobody looks at what somebody mounted over it
    if (!isMountPoint(mounts, data) && isRealDirectory(data)) {
      return { snapshot, id: held.id, warnings }
    }

    warnings.push({
      code: 'base-missing',
      message: `the data of ${snapshot.name}/${held.id} are gone, or something is mounted over them, so unchanged files are not shared with it`,
    })
  }

  return { ...noBase, warnings }
}

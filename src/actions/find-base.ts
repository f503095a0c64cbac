import { join } from 'node:path'
import type { Catalog, Snapshot } from '../store/catalog.ts'
import { recordedSnapshots } from '../store/future.ts'
import type { RecordWarning } from '../store/record.ts'
import { isRealDirectory } from '../tree/directory-handle.ts'
import { isMountPoint, readMounts } from '../system/mounts.ts'

export const noBase: Base = { snapshot: undefined, warnings: [] }

export interface Base {
  snapshot: Snapshot | undefined
  warnings: RecordWarning[]
}

/** The newest snapshot that has the volume, and from which files can be linked; one whose data are gone is told of and passed over. */
export function findBase(catalog: Catalog, id: string): Base {
  const warnings: RecordWarning[] = []
  const mounts = readMounts()
  const snapshot = recordedSnapshots(catalog).findLast((candidate) => {
    const held = candidate.record.volumes.find((volume) => volume.id === id)
    // nothing can be linked out of a subvolume
    if (held === undefined || held.engine === 'btrfs') return false
    const data = join(candidate.path, id)
    // nobody looks at what somebody mounted over it
    if (!isMountPoint(mounts, data) && isRealDirectory(data)) return true
    warnings.push({
      code: 'base-missing',
      message: `the data of ${candidate.name}/${id} are gone, or something is mounted over them, so unchanged files are not shared with it`,
    })
    return false
  })
  return { snapshot, warnings }
}

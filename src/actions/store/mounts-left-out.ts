import { lstatSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Mount, isInside, mountOf, mountsBelow, readMounts } from '../../system/mounts.ts'
import { bytePath, nameOf, readKinds } from '../../tree/byte-path.ts'
import { compileExcludes, isWithin } from '../../tree/excludes.ts'
import { listed } from '../check-volumes.ts'

/**
 * The directories inside a volume on which another filesystem is mounted: its snapshots have an
 * empty directory in their place. A file that is mounted is in them, and so is a directory of the
 * same filesystem. What `exclude` names is left out because somebody wants that.
 */
export function findMountsLeftOut(
  path: string,
  exclude: readonly string[],
  mounts = readMounts(),
): string[] {
  const excludes = compileExcludes(exclude)
  const own = mountOf(mounts, path)
  const other = new Set(
    mountsBelow(mounts, path)
      .filter((mount) => isOtherFilesystem(mount, path, own))
      .map(({ mountPoint }) => mountPoint),
  )

  return [...other].filter(
    (place) =>
      ![...other].some((above) => above !== place && isInside(place, above)) &&
      !isWithin(bytePath(place.slice(path.length + 1)), excludes) &&
      isDirectory(place),
  )
}

export function describeMountsLeftOut(path: string, places: readonly string[]): string {
  return `snapshots of ${path} leave out what is mounted inside it: ${listed(places)}`
}

/**
 * Subvolumes of one btrfs have one device there, and another one for stat(2), by which a copy goes.
 */
function isOtherFilesystem(mount: Mount, path: string, own: Mount | undefined): boolean {
  if (mount.device !== own?.device) return true
  if (mount.type !== 'btrfs') return false

  try {
    return lstatSync(mount.mountPoint).dev !== lstatSync(path).dev
  } catch {
    return false
  }
}

/** By what is below the mount: what is mounted may be dead, or hang. */
function isDirectory(place: string): boolean {
  try {
    const entries = readKinds(bytePath(dirname(place))) ?? []
    const name = nameOf(bytePath(place))
    return entries.find((entry) => entry.name === name)?.isDirectory !== false
  } catch {
    return true
  }
}

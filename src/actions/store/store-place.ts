import { readdirSync } from 'node:fs'
import type { StoreLayout } from '../../store/layout.ts'
import { parseSnapshotName } from '../../store/names.ts'
import { findUnmounted } from '../../system/fstab.ts'
import { type Mount, locationOf, mountOf, readMounts } from '../../system/mounts.ts'

/** What may be meant otherwise of the place of a directory, and what to do about it. */
interface DoubtfulPlace {
  code: string
  message: string
  fix: string
}

/** Volumes without a name of their own: Docker and podman give them one of 64 digits. */
const anonymousVolume = /\/volumes\/([0-9a-f]{64})\/_data(?:\/|$)/

/** Where an Engine keeps the data of a volume. */
const volumePath = /^.*\/volumes\/([^/]+)\/_data(?=\/|$)/

/** Tells where a store may not stay, although it can be written. */
export function findDoubtsOfStore(directory: string, mounts = readMounts()): DoubtfulPlace[] {
  const [, volume] = anonymousVolume.exec(mountOf(mounts, directory)?.root ?? '') ?? []
  const doubts = findUnmountedDisk(directory, mounts)
  if (volume === undefined) return doubts

  return [
    ...doubts,
    {
      code: 'anonymous-volume',
      message: `${directory} is in the anonymous volume ${volume.slice(0, 12)}, which goes with its container (--rm, rm -v) and with "volume prune"`,
      fix: `mount a directory or a volume with a name, -v NAME:${directory}`,
    },
  ]
}

/**
 * A directory below a place where fstab has a disk and none is mounted is on another disk than is
 * meant.
 */
export function findUnmountedDisk(path: string, mounts = readMounts()): DoubtfulPlace[] {
  const mountPoint = findUnmounted(path, mounts)
  if (mountPoint === undefined) return []

  return [
    {
      code: 'not-mounted',
      message: `${path} is in ${mountPoint}, where /etc/fstab has a filesystem and none is mounted`,
      fix: `mount ${mountPoint} first, then start again`,
    },
  ]
}

/** Says where a store is that has no snapshot yet; undefined for any other. */
export function describeNewStore(
  { directory }: StoreLayout,
  mounts: readonly Mount[] = readMounts(),
): string | undefined {
  if (readdirSync(directory).some((name) => parseSnapshotName(name) !== undefined)) return undefined
  const type = mountOf(mounts, directory)?.type ?? 'an unknown filesystem'
  const path = locationOf(mounts, directory)?.path ?? directory
  const place = path.replace(volumePath, 'volume $1')
  return `the store ${directory} is new and empty (on ${type}, ${place === path ? `directory ${path}` : place}): if it should have snapshots, another directory is mounted there, or a disk of the host is not`
}

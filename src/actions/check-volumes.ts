import type { VolumeSpec } from '../config/volume-spec.ts'
import { OperationError, UsageError } from '../errors.ts'
import { isOwnOfContainer } from '../system/container.ts'
import {
  type Location,
  type Mount,
  isInside,
  locationOf,
  mountsBelow,
  readMounts,
} from '../system/mounts.ts'

/**
 * Refuses volumes and a store that contain one another, also where a bind mount hides it: a
 * snapshot would copy itself, and a restore delete the store.
 */
export function assertVolumesApart(
  storeDirectory: string,
  volumes: readonly VolumeSpec[],
  mounts = readMounts(),
): void {
  const places = [
    { name: 'the store', path: storeDirectory },
    ...volumes.map(({ id, path }) => ({ name: `volume ${id}`, path })),
  ].map((place) => ({ ...place, location: locationOf(mounts, place.path) }))
  for (const [index, place] of places.entries()) {
    for (const other of places.slice(0, index)) {
      assertApart(other, place)
      assertNotMountedIn(other, place, mounts)
      assertNotMountedIn(place, other, mounts)
    }
  }
}

/** What Docker and podman mount into the container by themselves, and nobody means. */
const runtimeFiles = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf', '/run/.containerenv']

/**
 * Refuses volumes that are in the container itself: a snapshot would be of the image, and a restore
 * gone with the container. Throws OperationError that names what is mounted below, which may be
 * meant. Outside of a container all are allowed.
 */
export function assertVolumesMounted(
  volumes: readonly VolumeSpec[],
  inImage: boolean,
  mounts = readMounts(),
): void {
  for (const { id, path } of volumes) {
    if (!isOwnOfContainer(path, inImage, mounts)) continue
    const below = mountsBelow(mounts, path)
      .map(({ mountPoint }) => mountPoint)
      .filter((place) => !runtimeFiles.includes(place))
    const meant = below.length === 0 ? '' : `, or name what is mounted below it: ${listed(below)}`
    throw new OperationError(
      `volume ${id}: ${path} is inside the container, and nothing is mounted there;`,
      { fix: `mount the data with -v SOURCE:${path}${meant}` },
    )
  }
}

const mostNamed = 5

/** The first few of them. */
export function listed(paths: readonly string[]): string {
  const more = paths.length > mostNamed ? ` and ${paths.length - mostNamed} more` : ''
  return paths.slice(0, mostNamed).join(', ') + more
}

interface Place {
  name: string
  path: string
  location: Location | undefined
}

function assertApart(one: Place, other: Place): void {
  if (!isNested(one.path, other.path) && !overlapOnDisk(one.location, other.location)) return
  throw new UsageError(
    `${one.name} (${one.path}) and ${other.name} (${other.path}) overlap on the disk`,
    { fix: 'keep them in directories apart' },
  )
}

/** What copies one filesystem only goes into a bind mount of the same one all the same. */
function assertNotMountedIn(inner: Place, outer: Place, mounts: readonly Mount[]): void {
  const within = mountsBelow(mounts, outer.path)
    .filter(({ device }) => device === outer.location?.device)
    .find(({ device, root }) => overlapOnDisk({ device, path: root }, inner.location))
  if (within === undefined) return

  throw new UsageError(
    `${inner.name} (${inner.path}) is mounted inside ${outer.name} too, at ${within.mountPoint}`,
    { fix: 'unmount it there' },
  )
}

function overlapOnDisk(one: Location | undefined, other: Location | undefined): boolean {
  return (
    one !== undefined &&
    other !== undefined &&
    one.device === other.device &&
    isNested(one.path, other.path)
  )
}

function isNested(one: string, other: string): boolean {
  return isInside(one, other) || isInside(other, one)
}

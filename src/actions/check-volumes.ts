import type { VolumeSpec } from '../config/volume-spec.ts'
import { UsageError } from '../errors.ts'
import {
  type Location,
  type Mount,
  isInside,
  locationOf,
  mountsBelow,
  readMounts,
} from '../system/mounts.ts'

/**
 * Refuses volumes and a store that contain one another, also where a bind mount hides it: a snapshot would
 * copy itself, and a restore delete the store.
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

import type { VolumeSpec } from '../config/volume-spec.ts'
import { UsageError } from '../errors.ts'
import { type Location, isInside, locationOf, readMounts } from '../system/mounts.ts'

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
      if (!overlap(place, other)) continue
      throw new UsageError(
        `${other.name} (${other.path}) and ${place.name} (${place.path}) overlap on the disk: keep them in directories apart`,
      )
    }
  }
}

interface Place {
  path: string
  location: Location | undefined
}

function overlap(one: Place, other: Place): boolean {
  if (isNested(one.path, other.path)) return true
  return (
    one.location !== undefined &&
    other.location !== undefined &&
    one.location.device === other.location.device &&
    isNested(one.location.path, other.location.path)
  )
}

function isNested(one: string, other: string): boolean {
  return isInside(one, other) || isInside(other, one)
}

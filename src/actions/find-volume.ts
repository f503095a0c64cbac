import { type VolumeSpec, parseVolumeSpec } from '../config/volume-spec.ts'
import { UsageError } from '../errors.ts'

/**
 * The configured volume that `named` names, by its ID or as ID:PATH where it has another path.
 * Throws UsageError when there is none.
 */
export function findVolume(configured: readonly VolumeSpec[], named: string): VolumeSpec {
  const wanted = named.includes(':') ? parseVolumeSpec(named) : { id: named, path: undefined }
  const volume = configured.find(({ id }) => id === wanted.id)
  if (volume !== undefined) return { id: volume.id, path: wanted.path ?? volume.path }

  throw new UsageError(`there is no volume ${JSON.stringify(wanted.id)}`, {
    fix: `configured are ${configured.map(({ id }) => id).join(', ')}`,
  })
}

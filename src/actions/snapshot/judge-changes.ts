import type { Catalog } from '../../store/catalog.ts'
import type { UnacceptedChange } from '../../store/changes.ts'
import { recordedSnapshots } from '../../store/future.ts'
import type { VolumeRecord } from '../../store/record.ts'
import { isOtherDirectory } from './volume-identity.ts'

/** In a volume of fewer files all may well be other ones from one day to the next. */
const fewestFiles = 100

/**
 * Tells of a volume that is not what it was in the snapshots before: its directory is another one,
 * as when a disk is not mounted, or at least `limitPercent` of its files are not shared with the
 * snapshot before, as after ransomware or a bad deployment. Undefined where it is, and where nobody
 * can know; always with a limit of 0. A restore since the snapshot before, of which there is no
 * safety snapshot (`isRestored`), may exchange all files.
 */
export function judgeChanges(
  volume: VolumeRecord,
  catalog: Catalog,
  limitPercent: number,
  isRestored = false,
): UnacceptedChange | undefined {
  if (limitPercent === 0) return undefined
  const before = recordedSnapshots(catalog).findLast(
    ({ record }) => record.kind !== 'clone' && volumeIn(record.volumes, volume.id),
  )
  const last = before && volumeIn(before.record.volumes, volume.id)
  if (last === undefined || before === undefined) return undefined

  const tell = (message: string): UnacceptedChange => ({
    id: volume.id,
    lastBefore: before.name,
    message: `volume ${volume.id}: ${message}`,
  })
  if (isOtherDirectory(volume, last)) {
    return tell(`${volume.path} is another directory than in ${before.name}`)
  }
  // a restore makes many files anew after its safety snapshot, and rsync shares none with a store
  // of coarser times
  const { kind, mtimeStepNs } = before.record
  if (kind === 'safety' || isRestored || mtimeStepNs !== undefined || volume.base === null)
    return undefined
  if (volume.contents === null) return undefined
  // with other patterns files come or go that nobody touched
  const isOtherPart = String(volume.exclude) !== String(last.exclude)
  const had = last.contents?.files ?? 0
  const files = isOtherPart ? Math.min(had, volume.contents.files) : had
  if (files < fewestFiles) return undefined
  const shared = Math.max(0, volume.contents.files - volume.contents.addedFiles)
  if ((1 - shared / files) * 100 < limitPercent) return undefined

  const are = shared === 1 ? 'is still what it was' : 'are still what they were'
  const which = isOtherPart ? `that it and ${before.name} can both have` : `of ${before.name}`
  return tell(`${shared} of the ${files} files ${which} ${are}`)
}

function volumeIn(volumes: readonly VolumeRecord[], id: string): VolumeRecord | undefined {
  return volumes.find((volume) => volume.id === id)
}

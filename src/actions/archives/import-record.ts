import type { SnapshotRecord, VolumeRecord } from '../../store/record.ts'
import type { ReadArchive } from './sort-archives.ts'

/** What was written of a volume, and not shared with its base. */
export interface Added {
  volume: string
  addedFiles: number
  addedBytes: number
}

/**
 * The record of an imported snapshot: that of the one that was exported, of the volumes that are
 * there. What told things of the other machine is left out: where the directory of the volume was,
 * and former names, which may be those of others here.
 */
export function importedRecord(
  archives: readonly ReadArchive[],
  added: readonly Added[],
): SnapshotRecord {
  const [first] = archives
  if (first === undefined) throw new Error('no archive')
  const { formerNames: _, afterFuture: __, ...record } = first.record
  const volumes = archives.map((archive) => volumeOf(archive, added))
  const ids = new Set(volumes.map(({ id }) => id))
  const warnings = record.warnings.filter(({ volume }) => volume === undefined || ids.has(volume))
  return { ...record, volumes, warnings }
}

function volumeOf({ header, record }: ReadArchive, added: readonly Added[]): VolumeRecord {
  const volume = record.volumes.find(({ id }) => id === header.volume)
  if (volume === undefined) throw new Error(`no record of ${header.volume}`)
  const { root: _, reflink: __, baseVolume: ___, ...kept } = volume
  const written = added.find((one) => one.volume === volume.id)
  const { addedFiles = 0, addedBytes = 0 } = written ?? {}
  return {
    ...kept,
    engine: 'import',
    base: header.base ?? null,
    contents: volume.contents === null ? null : { ...volume.contents, addedFiles, addedBytes },
  }
}

import { OperationError } from '../../errors.ts'
import type { Catalog } from '../../store/catalog.ts'
import { findSnapshot } from '../../store/catalog.ts'
import { isFuture } from '../../store/future.ts'
import { parseSnapshotName } from '../../store/names.ts'
import type { ArchiveFacts, ArchiveSource } from './read-archive.ts'

export interface ReadArchive extends ArchiveFacts {
  source: ArchiveSource
}

/** The archives of one snapshot, one for each of its volumes. */
export interface ImportedGroup {
  snapshot: string
  archives: ReadArchive[]
}

/**
 * Puts archives in the order in which they can be imported, those of one snapshot together. Throws
 * OperationError where the base of one is neither in the store nor among them, or one is there
 * twice.
 */
export function sortArchives(
  archives: readonly ReadArchive[],
  catalog: Catalog,
  now: Date,
): ImportedGroup[] {
  const groups = new Map<string, ReadArchive[]>()
  for (const archive of archives) {
    const { snapshot, volume } = archive.header
    const group = groups.get(snapshot) ?? []
    const twice = group.find(({ header }) => header.volume === volume)
    if (twice !== undefined) {
      throw new OperationError(
        `${twice.source.name} and ${archive.source.name} are both of ${volume} in ${snapshot}`,
        { fix: 'leave out one of them' },
      )
    }
    groups.set(snapshot, [...group, archive])
  }

  for (const archive of archives) {
    assertPast(archive, now)
    assertHasBase(archive, groups, catalog)
  }
  return [...groups]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([snapshot, group]) => ({ snapshot, archives: group }))
}

function assertPast({ source, header }: ReadArchive, now: Date): void {
  const time = parseSnapshotName(header.snapshot)
  if (time !== undefined && !isFuture(time, now)) return
  throw new OperationError(
    `${source.name} is of ${header.snapshot}, which is of the future (it is ${now.toISOString()})`,
    { fix: 'set the clock right, then import again' },
  )
}

function assertHasBase(
  { source, header }: ReadArchive,
  groups: ReadonlyMap<string, readonly ReadArchive[]>,
  catalog: Catalog,
): void {
  const { base, volume, snapshot } = header
  if (base === undefined) return
  const isAmong = groups.get(base)?.some((one) => one.header.volume === volume) === true
  if (isAmong && base < snapshot) return

  const stored = findSnapshot(catalog, base)
  if (stored?.name === base && stored.record.volumes.some(({ id }) => id === volume)) return
  throw new OperationError(
    `${source.name} is an increment since ${base}, of which neither the store nor these archives have ${volume}`,
    { fix: `import the archive of ${volume} of ${base} too` },
  )
}

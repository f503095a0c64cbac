import { join } from 'node:path'
import { OperationError, UsageError } from '../../errors.ts'
import { type Snapshot, findSnapshot, readCatalog } from '../../store/catalog.ts'
import {
  type CloneRecord,
  type ClonePlaces,
  isCloneName,
  placesOf,
  proofPrefix,
  readClone,
} from '../../store/clones.ts'
import { parseSnapshotName } from '../../store/names.ts'
import { resolveReference } from '../../store/references.ts'
import type { ActionContext } from '../context.ts'

/** What a clone is made of. */
export interface CloneSource {
  snapshot: Snapshot
  volume: string
  /** The tree: of the snapshot, or of another clone. */
  data: string
  parent: CloneRecord | undefined
}

/** Finds a volume of a snapshot, or the clone of that name. */
export function findSource(
  { store, clock }: ActionContext,
  reference: string,
  volume: string | undefined,
): CloneSource {
  const catalog = readCatalog(store)
  const parent = findParent({ store }, reference)
  const snapshot = resolveReference(catalog, parent?.snapshot ?? reference, clock.now())
  if (parent !== undefined) {
    assertFinished(parent)
    const { data } = placesOf(store, parent.name)
    return { snapshot, volume: parent.volume, data, parent }
  }

  const ids = snapshot.record.volumes.map(({ id }) => id)
  const chosen = volume ?? (ids.length === 1 ? ids[0] : undefined)
  if (chosen === undefined) {
    throw new UsageError(`${snapshot.name} holds ${ids.join(', ')}, and a clone is of one`, {
      fix: `name it: --volume ${ids[0] ?? 'ID'}`,
    })
  }
  if (!ids.includes(chosen)) {
    throw new OperationError(`${snapshot.name} does not hold the volume ${chosen}`, {
      fix: `it holds ${ids.join(', ')}`,
    })
  }
  return { snapshot, volume: chosen, data: join(snapshot.path, chosen), parent }
}

/** The clone of that name, where a clone is to be made of one. */
export function findParent(
  { store }: Pick<ActionContext, 'store'>,
  reference: string,
): CloneRecord | undefined {
  return isCloneName(reference) ? readClone(store, reference) : undefined
}

/** Throws OperationError when there is no clone of that name, or only a part of one. */
export function findClone(
  { store }: Pick<ActionContext, 'store'>,
  name: string,
): { clone: CloneRecord; places: ClonePlaces } {
  const clone = isCloneName(name) ? readClone(store, name) : undefined
  if (clone === undefined) {
    throw new OperationError(`there is no clone ${name}`, {
      fix: 'see "snap-volume clone list"',
    })
  }
  assertFinished(clone)
  return { clone, places: placesOf(store, name) }
}

/** Throws OperationError where the snapshot of a flat clone is gone. */
export function assertBaseIsThere(
  { store }: Pick<ActionContext, 'store'>,
  { name, snapshot }: CloneRecord,
): void {
  if (findSnapshot(readCatalog(store), snapshot) !== undefined) return
  throw new OperationError(`${snapshot}, of which the clone ${name} was made, is gone`, {
    fix: `compare another one: run "snap-volume clone snapshot ${name}", then "snap-volume diff" with it`,
  })
}

function assertFinished({ name, finishedAt }: CloneRecord): void {
  if (finishedAt !== null) return
  throw new OperationError(`the clone ${name} was cut off while it was made`, {
    fix: `run "snap-volume clone remove ${name}", then make it again`,
  })
}

/** Throws UsageError for what cannot be the name of a Docker volume, or may mean a snapshot. */
export function assertCloneName(name: string, isProof: boolean): void {
  const isTaken =
    name === 'latest' ||
    parseSnapshotName(name) !== undefined ||
    name.startsWith(proofPrefix) !== isProof
  if (isCloneName(name) && !isTaken) return
  throw new UsageError(`${JSON.stringify(name)} cannot be the name of a clone`, {
    fix: `write 2 to 127 letters, digits, "_", "." and "-", a letter or digit first, and not ${proofPrefix}`,
  })
}

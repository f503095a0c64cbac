import { existsSync, mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeSpare } from '../copy/make-spare.ts'
import { type Snapshot, readCatalog } from '../store/catalog.ts'
import { syncFilesystem } from '../store/durable.ts'
import { type StoreLayout, indexFileName, sealFileName } from '../store/layout.ts'
import { acquireLock } from '../store/lock.ts'
import { createOwnDirectories } from '../store/open.ts'
import type { SnapshotRecord } from '../store/record.ts'
import {
  createUnfinishedSpare,
  discardUnfinishedSpares,
  hasSpare,
  keepUnfinishedSpare,
} from '../store/spare.ts'
import { type ActionContext, deleteTrash, withStoreLock } from './context.ts'

/** The directories of a copy take room that others may need: the last tenth is theirs. */
const leastFree = 0.1

/** The newest snapshot, where there is no spare, and room for one, and a copy of it would be of use for the next one. */
export function findSpareModel(store: StoreLayout): Snapshot | undefined {
  if (hasSpare(store) || !hasRoom(store)) return undefined
  const newest = readCatalog(store).snapshots.at(-1)
  return newest === undefined || volumesToPrepare(newest).length === 0 ? undefined : newest
}

function hasRoom({ directory }: StoreLayout): boolean {
  const { blocks, bavail, files, ffree } = statfsSync(directory)
  // of some filesystems inodes have no number
  return bavail >= blocks * leastFree && ffree >= files * leastFree
}

/**
 * Makes a spare of the newest snapshot, so that the next one takes as long as a scan: what its links cost is paid while
 * nobody waits for it. Others may write the store meanwhile.
 * Returns whether it is there; not when there is another one now, or a newer snapshot.
 * Throws OperationError when it cannot be made; InterruptedError.
 */
export async function prepareSpare(context: ActionContext, model: Snapshot): Promise<boolean> {
  try {
    return await makeAndKeep(context, model)
  } finally {
    await deleteTrash(context)
  }
}

async function makeAndKeep(context: ActionContext, model: Snapshot): Promise<boolean> {
  const { store, signal } = context
  const lock = await acquireLock(store.spareLock, { timeoutMs: 0, purpose: 'spare', signal })
  try {
    createOwnDirectories(store)
    discardUnfinishedSpares(store)
    const spare = createUnfinishedSpare(store, model.name)
    for (const id of volumesToPrepare(model)) {
      const target = join(spare, id)
      mkdirSync(target, 0o700)
      const seal = await makeSpare({
        model: join(model.path, id),
        seal: join(model.path, sealFileName(id)),
        target,
        lockDescriptor: lock.descriptor,
        signal,
      })
      writeFileSync(join(spare, sealFileName(id)), seal, { mode: 0o600 })
    }
    return await withStoreLock(context, 'spare', async () => {
      if (hasSpare(store) || readCatalog(store).snapshots.at(-1)?.name !== model.name) return false
      // as the only writer: the kernel tells one of two who flush of a write that failed
      await syncFilesystem(spare)
      keepUnfinishedSpare(store, spare)
      return true
    })
  } finally {
    try {
      // one that was given up waits for the next one, or the next start: nobody waits for it
      if (signal?.aborted !== true) discardUnfinishedSpares(store)
    } finally {
      lock.release()
    }
  }
}

/** Those whose next copy could take something from it. */
function volumesToPrepare({ path, record }: Snapshot): string[] {
  if (wasHeld(record)) return []
  return record.volumes
    .filter(({ engine }) => engine === 'link')
    .map(({ id }) => id)
    .filter((id) =>
      [indexFileName(id), sealFileName(id)].every((name) => existsSync(join(path, name))),
    )
}

/** A copy in two passes takes nothing from a spare. */
function wasHeld({ quietMs, hooks }: SnapshotRecord): boolean {
  return quietMs !== undefined || hooks !== undefined
}

import { randomUUID } from 'node:crypto'
import { readdirSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { BusyError, InterruptedError, messageOf } from '../errors.ts'
import { releaseSubvolumes } from './release-subvolumes.ts'
import { deleteTrees } from './delete-trees.ts'
import { fsyncDirectory } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { acquireLock } from './lock.ts'
import {
  canBeRemovedInPlace,
  deleteInPlace,
  hasNoRoom,
  listRemoved,
  removeAtOnce,
  removeInPlace,
} from './remove-in-place.ts'
import { spendReserve } from './reserve.ts'

/**
 * Takes directories out of sight by one rename each, durably; what is in them is deleted later by
 * `emptyTrash`. A crash in between leaves them in the trash, never half a snapshot in the store.
 * One for which a quota, a full disk or another project leaves no room in the trash is removed
 * where it is (remove-in-place.ts). Returns where they are now; throws the error of the first that
 * cannot be removed when the others have been.
 */
export async function moveToTrash(store: StoreLayout, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return []
  const moved: string[] = []
  const failures: unknown[] = []
  for (const path of paths) {
    try {
      moved.push(await remove(store, path))
    } catch (error) {
      // one that stays is no reason to keep the others
      failures.push(error)
    }
  }

  for (const parent of new Set([store.trash, ...paths.map((path) => dirname(path))])) {
    fsyncDirectory(parent)
  }

  if (failures.length > 0) throw failures[0]
  return moved
}

/** By steps that need less and less room. Returns where it is now, or was when it is gone. */
async function remove(store: StoreLayout, path: string): Promise<string> {
  try {
    return moveOrMark(store, path)
  } catch (error) {
    if (!hasNoRoom(error)) throw error
  }
  await spendReserve(store)
  try {
    return moveOrMark(store, path)
  } catch (error) {
    if (!hasNoRoom(error)) throw error
  }
  await removeAtOnce(path)
  return path
}

function moveOrMark(store: StoreLayout, path: string): string {
  const target = join(store.trash, `${basename(path).replace(/^@/, '')}.${randomUUID()}`)
  try {
    renameSync(path, target)
    return target
  } catch (error) {
    if (!canBeRemovedInPlace(error)) throw error
  }
  removeInPlace(path)
  return path
}

/**
 * Deletes what is in the trash. It has a lock of its own, so that a snapshot never waits for it;
 * when another process is at it, there is nothing to do here. What cannot be deleted stays for the
 * next time, and is returned as a line for a warning.
 */
export async function emptyTrash(
  store: StoreLayout,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (readdirSync(store.trash).length + listRemoved(store).length === 0) return undefined
  try {
    const lock = await acquireLock(store.trashLock, { timeoutMs: 0, purpose: 'deletion', signal })
    try {
      const [first, ...others] = [
        ...(await deleteAll(store.trash, signal)),
        ...(await deleteRemoved(store, signal)),
      ]
      if (first === undefined) return undefined
      const more = others.length === 0 ? '' : ` (and ${others.length} more)`
      return `what was removed could not all be deleted from ${store.trash}: ${first}${more}`
    } finally {
      lock.release()
    }
  } catch (error) {
    if (error instanceof BusyError || error instanceof InterruptedError) return undefined
    return `what was removed is still in ${store.trash}: ${messageOf(error)}`
  }
}

/**
 * Also what comes meanwhile, from those who find that somebody is at it. Returns what could not be
 * deleted, a line each.
 */
async function deleteAll(trash: string, signal: AbortSignal | undefined): Promise<string[]> {
  const tried = new Set<string>()
  const complaints: string[] = []
  for (;;) {
    const names = readdirSync(trash).filter((name) => !tried.has(name))
    if (names.length === 0) return complaints

    for (const name of names) tried.add(name)
    const paths = names.map((name) => join(trash, name))
    // where that fails, it is told what stays
    for (const path of paths) await releaseSubvolumes(path).catch(() => undefined)
    complaints.push(...linesOf(await deleteTrees(paths, signal)))
  }
}

async function deleteRemoved(
  store: StoreLayout,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const complaints: string[] = []
  for (const path of listRemoved(store)) {
    await releaseSubvolumes(path).catch(() => undefined)
    complaints.push(...linesOf(await deleteInPlace(path, signal)))
  }
  return complaints
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

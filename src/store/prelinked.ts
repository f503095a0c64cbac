import { mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { BusyError, failureCauseOf } from '../errors.ts'
import { isRealDirectory } from '../tree/directory-handle.ts'
import type { StoreLayout } from './layout.ts'
import { type Lock, acquireLock } from './lock.ts'
import { moveToTrash } from './trash.ts'

/**
 * Links to the newest snapshot, made in advance in a directory that nobody else can reach, for the
 * next snapshot to begin with. Whatever is in there is looked at before it becomes a part of a
 * snapshot, so that half of it is as good as all, and nothing is lost with it.
 */

/** Nothing in the program's own directory has the name of a snapshot. */
function hiddenName(snapshot: string): string {
  return snapshot.replace(/^@/, '')
}

export function hasPrelinked(store: StoreLayout, snapshot: string): boolean {
  return isRealDirectory(join(store.prelinked, hiddenName(snapshot)))
}

/**
 * An empty directory for the links to a snapshot; the caller holds the lock of what is made in
 * advance.
 */
export function createPrelinked(store: StoreLayout, snapshot: string): string {
  const directory = join(store.prelinked, hiddenName(snapshot))
  mkdirSync(directory, 0o700)
  return directory
}

/** Holds off whoever makes links in advance; throws BusyError where somebody does. */
export async function lockPrelinked(store: StoreLayout, signal?: AbortSignal): Promise<Lock> {
  return acquireLock(store.prelinkLock, { timeoutMs: 0, purpose: 'links in advance', signal })
}

/**
 * Puts the links to a volume of `snapshot`, as far as they have been made, in the place of
 * `target`, an empty directory in staging. False where there are none, or somebody is making them;
 * then the target is as it was.
 */
export async function adoptPrelinked(
  store: StoreLayout,
  snapshot: string,
  id: string,
  target: string,
): Promise<boolean> {
  const links = join(store.prelinked, hiddenName(snapshot), id)
  if (!isRealDirectory(links)) return false

  try {
    const lock = await lockPrelinked(store)
    try {
      rmdirSync(target)
      return moveInto(links, target)
    } finally {
      lock.release()
    }
  } catch (error) {
    if (error instanceof BusyError) return false
    throw error
  }
}

/**
 * False where a quota or a full disk does not let it be moved: then the target is empty, as it was.
 */
function moveInto(links: string, target: string): boolean {
  try {
    renameSync(links, target)
    return true
  } catch (error) {
    if (failureCauseOf(error) !== 'space') throw error
    mkdirSync(target, 0o700)
    return false
  }
}

/** Gives the space of what was made in advance back. */
export async function discardPrelinked(store: StoreLayout): Promise<void> {
  await moveToTrash(
    store,
    readdirSync(store.prelinked).map((name) => join(store.prelinked, name)),
  )
}

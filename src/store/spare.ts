import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isRealDirectory } from '../system/directory-handle.ts'
import { renameDurably } from './durable.ts'
import { type StoreLayout, recordFileName, sealFileName } from './layout.ts'
import { moveToTrash } from './trash.ts'

/**
 * The spare is the snapshot that retention removed last; where it removes none, a copy of the newest that was made in advance.
 * The next one takes directories from it that are still as they have to be, instead of linking their files anew, or the whole
 * copy, and what is left of it is deleted then. It is out of sight like the trash, and nothing is lost with it. It is moved as a whole, so that
 * the ctimes of its volumes stay, by which they are known to be untouched.
 */
export function keepSpare(store: StoreLayout, removed: string): void {
  dropSpares(store)
  renameDurably(removed, join(store.spare, hiddenName(removed)))
}

/** Nothing in the program's own directory has the name of a snapshot. */
function hiddenName(snapshot: string): string {
  return basename(snapshot).replace(/^@/, '')
}

/** Whether a snapshot has what a spare is known by to be untouched. */
export function canBeSpare(snapshot: string): boolean {
  return readdirSync(snapshot).some((name) => name.startsWith(sealFileName('')))
}

/** The tree of a volume in the spare, its seal, and whether others never could reach it; undefined when there is none. */
export function findSpare(
  store: StoreLayout,
  id: string,
): { tree: string; seal: string; isPrivate: boolean } | undefined {
  for (const name of readdirSync(store.spare)) {
    const directory = join(store.spare, name)
    const tree = join(directory, id)
    const seal = join(directory, sealFileName(id))
    if (!isRealDirectory(directory) || !isRealDirectory(tree) || !existsSync(seal)) continue
    return { tree, seal, isPrivate: !wasPublished(directory) }
  }
  return undefined
}

/** Then somebody may still have a directory of it open. A copy that was made in advance has no record. */
function wasPublished(spare: string): boolean {
  return readdirSync(spare).includes(recordFileName)
}

export function hasSpare(store: StoreLayout): boolean {
  return readdirSync(store.spare).length > 0
}

/** An empty directory that may become a spare, where no run looks for one; the caller holds the spare's lock. */
export function createUnfinishedSpare(store: StoreLayout, snapshot: string): string {
  const directory = join(store.unfinishedSpare, hiddenName(snapshot))
  mkdirSync(directory, 0o700)
  return directory
}

/** Makes it the spare; the caller holds the store's lock too, and what is in it is on the disk. */
export function keepUnfinishedSpare(store: StoreLayout, finished: string): void {
  renameDurably(finished, join(store.spare, basename(finished)))
}

/** Also what a process that was killed left. */
export function discardUnfinishedSpares(store: StoreLayout): void {
  moveToTrash(
    store,
    readdirSync(store.unfinishedSpare).map((name) => join(store.unfinishedSpare, name)),
  )
}

/** Gives the space of the spare back. */
export function dropSpares(store: StoreLayout): void {
  moveToTrash(
    store,
    readdirSync(store.spare).map((name) => join(store.spare, name)),
  )
}

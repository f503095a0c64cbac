import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isRealDirectory } from '../system/directory-handle.ts'
import { renameDurably } from './durable.ts'
import { type StoreLayout, sealFileName } from './layout.ts'
import { moveToTrash } from './trash.ts'

/**
 * The spare is the snapshot that retention removed last. The next one takes directories from it that are still as
 * they have to be, instead of linking their files anew, and what is left of it is deleted then. It is out of sight like the
 * trash, and nothing is lost with it. It is moved as a whole, so that the ctimes of its volumes stay, by which they are
 * known to be untouched.
 */
export function keepSpare(store: StoreLayout, removed: string): void {
  dropSpares(store)
  renameDurably(removed, join(store.spare, basename(removed).replace(/^@/, '')))
}

/** Whether a snapshot has what a spare is known by to be untouched. */
export function canBeSpare(snapshot: string): boolean {
  return readdirSync(snapshot).some((name) => name.startsWith(sealFileName('')))
}

/** The tree of a volume in the spare, and its seal; undefined when there is none. */
export function findSpare(
  store: StoreLayout,
  id: string,
): { tree: string; seal: string } | undefined {
  for (const name of readdirSync(store.spare)) {
    const tree = join(store.spare, name, id)
    const seal = join(store.spare, name, sealFileName(id))
    if (isRealDirectory(join(store.spare, name)) && isRealDirectory(tree) && existsSync(seal)) {
      return { tree, seal }
    }
  }
  return undefined
}

/** Gives the space of the spare back. */
export function dropSpares(store: StoreLayout): void {
  moveToTrash(
    store,
    readdirSync(store.spare).map((name) => join(store.spare, name)),
  )
}

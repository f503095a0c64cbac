import { existsSync, lstatSync, readdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { volumeIdPattern } from '../config/volume-spec.ts'
import { isSubvolume } from '../system/subvolume.ts'
import { fsyncDirectory } from './durable.ts'
import { type StoreLayout, sealFileName } from './layout.ts'
import { moveToTrash } from './trash.ts'

/**
 * A spare is the tree of a volume in a snapshot that retention removed. The next snapshot begins with it
 * instead of an empty directory, so that most of its links are there already. It is out of sight like the
 * trash, and nothing is lost with it. Its seal goes with it; one that belongs to another tree fits nothing in this one.
 */
export function keepSpares(store: StoreLayout, removed: string): void {
  for (const id of readdirSync(removed).filter((name) => volumeIdPattern.test(name))) {
    const tree = join(removed, id)
    if (!lstatSync(tree).isDirectory() || isSubvolume(tree)) continue
    const spare = join(store.spare, id)
    if (existsSync(spare)) moveToTrash(store, [spare])
    renameSync(tree, spare)
    renameIfThere(join(removed, sealFileName(id)), join(store.spare, sealFileName(id)))
  }
  fsyncDirectory(store.spare)
}

/** Moves the spare of a volume to `target`, which must not exist, and its seal beside it; false when there is none. */
export function takeSpare(store: StoreLayout, id: string, target: string): boolean {
  const spare = join(store.spare, id)
  if (!existsSync(spare)) return false
  renameSync(spare, target)
  renameIfThere(join(store.spare, sealFileName(id)), join(dirname(target), sealFileName(id)))
  return true
}

function renameIfThere(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to)
}

/** Gives the space of all spares back. */
export function dropSpares(store: StoreLayout): void {
  moveToTrash(
    store,
    readdirSync(store.spare).map((name) => join(store.spare, name)),
  )
}

import { chmodSync, linkSync, lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errorCode } from '../errors.ts'
import { bytePath } from '../tree/byte-path.ts'
import { isRealDirectory, openDirectory } from '../tree/directory-handle.ts'
import { removeEntry } from '../tree/remove-entry.ts'
import { deleteTrees } from './delete-trees.ts'
import { fsyncDirectory } from './durable.ts'
import { type StoreLayout, recordFileName, removedRecordFileName } from './layout.ts'
import { parseSnapshotName } from './names.ts'

/**
 * Removes what has no room in the trash where it is, by steps that need no space:
 *
 * 1. the record gets a second name, `.snapshot.removed.json`, and loses its own: after that it is no snapshot
 * 2. all else is deleted, later, by `deleteInPlace`
 * 3. the record goes, and the directory
 *
 * A crash before the end of 1 leaves the whole snapshot. After it, whoever empties the trash finds the directory by the
 * second name, and goes on. What was never published goes at once.
 */

/** What rename(2) says where the trash would have to grow, or is of another project (ext4 and XFS). */
export function canBeRemovedInPlace(error: unknown): boolean {
  return ['EDQUOT', 'ENOSPC', 'EXDEV'].includes(errorCode(error) ?? '')
}

/** False where that cannot be; then it is as it was, but for what was never published. */
export function removeInPlace(path: string): boolean {
  try {
    if (parseSnapshotName(basename(path)) === undefined) removeUnpublished(path)
    else markRemoved(path)
    return true
  } catch {
    return false
  }
}

function markRemoved(path: string): void {
  const mark = join(path, removedRecordFileName)
  // of a crash between the two
  if (isThere(mark)) unlinkSync(mark)
  linkSync(join(path, recordFileName), mark)
  unlinkSync(join(path, recordFileName))
  chmodSync(path, 0o700)
  fsyncDirectory(path)
}

function removeUnpublished(path: string): void {
  using parent = openDirectory(dirname(path))
  removeEntry(bytePath(`${parent.here}/${basename(path)}`))
  if (isThere(path)) throw new Error(`${path} is still there`)
}

/** The directories in a store that were removed so, and are not deleted yet. */
export function listRemoved({ directory }: StoreLayout): string[] {
  return readdirSync(directory)
    .filter((name) => parseSnapshotName(name) !== undefined)
    .map((name) => join(directory, name))
    .filter(
      (path) =>
        isRealDirectory(path) &&
        isThere(join(path, removedRecordFileName)) &&
        !isThere(join(path, recordFileName)),
    )
}

/** Deletes one of them. Returns what could not be deleted, a line each; empty when all is gone. */
export async function deleteInPlace(path: string, signal?: AbortSignal): Promise<string> {
  const others = readdirSync(path).filter((name) => name !== removedRecordFileName)
  const said = await deleteTrees(
    others.map((name) => join(path, name)),
    signal,
  )
  if (readdirSync(path).length > 1) return said
  unlinkSync(join(path, removedRecordFileName))
  rmdirSync(path)
  return said
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

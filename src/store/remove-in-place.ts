import { chmodSync, linkSync, lstatSync, readdirSync, rmSync, rmdirSync, unlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { OperationError, errorCode } from '../errors.ts'
import { releaseSubvolumes } from './release-subvolumes.ts'
import { bytePath } from '../tree/byte-path.ts'
import { isRealDirectory, openDirectory } from '../tree/directory-handle.ts'
import { removeEntry } from '../tree/remove-entry.ts'
import { deleteTrees } from './delete-trees.ts'
import { fsyncDirectory } from './durable.ts'
import { type StoreLayout, recordFileName, removedRecordFileName } from './layout.ts'
import { parseSnapshotName } from './names.ts'

/**
 * Removes what has no room in the trash where it is, by steps that need little space:
 *
 * 1. the record gets a second name, `.snapshot.removed.json`, and loses its own: after that it is
 *    no snapshot
 * 2. all else is deleted, later, by `deleteInPlace`
 * 3. the record goes, and the directory
 *
 * A crash before the end of 1 leaves the whole snapshot. After it, the next emptying of the trash
 * finds the directory by the second name, and goes on. What was never published goes at once.
 *
 * Where there is no room for the second name either, as on a full btrfs, `removeAtOnce` takes the
 * record away, on the disk, and then all else. A crash in between leaves a directory without a
 * record: a damaged snapshot, which nobody uses.
 */

/**
 * What rename(2) says where the trash would have to grow, or is of another project (ext4 and XFS).
 */
export function canBeRemovedInPlace(error: unknown): boolean {
  return hasNoRoom(error) || errorCode(error) === 'EXDEV'
}

export function hasNoRoom(error: unknown): boolean {
  return ['EDQUOT', 'ENOSPC'].includes(errorCode(error) ?? '')
}

/** Throws the system's error where that cannot be; then all that was published is as it was. */
export function removeInPlace(path: string): void {
  if (isSnapshot(path)) markRemoved(path)
  else removeUnpublished(path)
}

/** Takes no room at all. Throws what could not be deleted, or the error of the system. */
export async function removeAtOnce(path: string): Promise<void> {
  if (!isSnapshot(path)) return removeUnpublished(path)
  rmSync(join(path, recordFileName), { force: true })
  close(path)
  fsyncDirectory(path)
  await releaseSubvolumes(path).catch(() => undefined)
  const said = await deleteTrees([path])
  if (!isThere(path)) return
  throw new OperationError(
    `${basename(path)} is no snapshot any more, and not all of it could be deleted (${said.split('\n')[0]})`,
    { fix: `delete the rest with "rm -rf ${path}"` },
  )
}

function isSnapshot(path: string): boolean {
  return parseSnapshotName(basename(path)) !== undefined
}

function markRemoved(path: string): void {
  const [record, mark] = [join(path, recordFileName), join(path, removedRecordFileName)]
  // where there is a mark alone, all but the end was done
  if (isThere(record) || !isThere(mark)) {
    // of a crash between the two
    if (isThere(mark)) unlinkSync(mark)
    linkSync(record, mark)
    unlinkSync(record)
  }
  close(path)
  fsyncDirectory(path)
}

/** Nobody is to see half of it; where that has no room, they see it for a while. */
function close(path: string): void {
  try {
    chmodSync(path, 0o700)
  } catch (error) {
    if (!hasNoRoom(error)) throw error
  }
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

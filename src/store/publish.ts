import { chmodSync, existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { OperationError } from '../errors.ts'
import { createFileDurably, fsyncDirectory, renameDurably, syncFilesystem } from './durable.ts'
import { type StoreLayout, recordFileName } from './layout.ts'
import { type SnapshotRecord, formatRecord } from './record.ts'

/**
 * Makes a filled staging directory a snapshot, by one rename. Everything the rename shows is on the
 * disk before it: the data (syncfs), the record (fsync), the directory that names it (fsync). A
 * crash before the rename leaves a staging directory, a crash after it a complete snapshot; the
 * last fsync makes the rename itself survive a power cut. Throws OperationError when the disk does
 * not take the data; nothing is visible then. docs/internals/crash-safety.md has the steps.
 */
export async function publishSnapshot(
  store: StoreLayout,
  staging: string,
  record: SnapshotRecord,
): Promise<string> {
  const target = join(store.directory, record.name)
  await syncFilesystem(staging)
  createFileDurably(join(staging, recordFileName), formatRecord(record), 0o644)
  chmodSync(staging, 0o755)
  fsyncDirectory(staging)

  // rename(2) replaces an empty directory of that name
  if (existsSync(target)) {
    throw new OperationError(`${target} appeared while the snapshot was taken`, {
      fix: 'move it away',
    })
  }

  try {
    renameDurably(staging, target)
  } catch (error) {
    // visible, but nobody knows whether it would survive a power cut
    if (existsSync(target)) renameSync(target, staging)
    throw error
  }

  return target
}

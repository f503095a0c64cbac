import { statfs } from 'node:fs/promises'
import prettyBytes from 'pretty-bytes'
import { OperationError, errorCode } from '../errors.ts'
import { RsyncError } from '../copy/rsync-command.ts'

/** Turns a full disk's error into one that says what is full, bytes or inodes; others pass as they are. */
export async function explainFullDisk(
  error: unknown,
  what: string,
  path: string,
  remedy: string,
): Promise<unknown> {
  const isFull = error instanceof RsyncError ? error.isDiskFull : errorCode(error) === 'ENOSPC'
  if (!isFull) return error
  const { bavail, bsize, files, ffree } = await statfs(path)
  const left =
    files > 0 && ffree === 0 ? 'no inode is left' : `${prettyBytes(bavail * bsize)} are left`
  return new OperationError(`${what} ${path} is full (${left}): ${remedy}`, { cause: error })
}

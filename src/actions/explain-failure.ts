import { statfs } from 'node:fs/promises'
import prettyBytes from 'pretty-bytes'
import { OperationError, errorCode, messageOf } from '../errors.ts'
import { RsyncError } from '../copy/rsync-command.ts'

/** The store, as the place where something failed. */
export function inStore(path: string) {
  const whenFull = 'free space, or lower SNAP_MAX and run "snap-volume prune", then try again'
  return { what: 'the store', path, whenFull }
}

/**
 * Turns an error of the system into one that says where and what next: of a full disk, whether bytes or inodes
 * are missing. Errors that say so already pass as they are.
 */
export async function explainFailure(
  error: unknown,
  where: { what: string; path: string; whenFull: string },
  state: string,
): Promise<unknown> {
  const { what, path, whenFull } = where
  const isFull = error instanceof RsyncError ? error.isDiskFull : errorCode(error) === 'ENOSPC'
  if (isFull) {
    return new OperationError(`${what} ${path} is full (${await describeLeft(path)}): ${state};`, {
      cause: error,
      fix: whenFull,
    })
  }
  if (error instanceof OperationError || errorCode(error) === undefined) return error
  return new OperationError(`${what} ${path} cannot be used: ${messageOf(error)}; ${state};`, {
    cause: error,
    fix: "look at the kernel's log (dmesg) and the mount",
  })
}

async function describeLeft(path: string): Promise<string> {
  const { bavail, bsize, files, ffree } = await statfs(path)
  if (files > 0 && ffree === 0) return 'no inode is left'
  return `${prettyBytes(bavail * bsize)} are left`
}

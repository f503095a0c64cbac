import { statfs } from 'node:fs/promises'
import prettyBytes from 'pretty-bytes'
import { HookError, OperationError, errorCode, messageOf } from '../errors.ts'
import { RsyncError } from '../copy/rsync-command.ts'
import { findUserNamespace, leaveUserNamespace } from '../system/user-namespace.ts'

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
  return withWayOut(await explain(error, where, state))
}

/** In a user namespace root has no rights over files of users outside of it, and makes no device files. */
function withWayOut(error: unknown): unknown {
  if (!isDenied(error) || findUserNamespace() === undefined) return error
  return new OperationError(
    `${messageOf(error)}; in this user namespace root has no rights over files, owners and ACLs of users outside of it, and makes no device files: ${leaveUserNamespace}`,
    { cause: error },
  )
}

/** By the words of Node, and of rsync. */
function isDenied(error: unknown): boolean {
  const words =
    /EACCES|EPERM|Permission denied|Operation not permitted|(chown|acl).*Invalid argument/
  return !(error instanceof HookError) && words.test(messageOf(error))
}

async function explain(
  error: unknown,
  where: { what: string; path: string; whenFull: string },
  state: string,
): Promise<unknown> {
  const { what, path, whenFull } = where
  const isFull = error instanceof RsyncError ? error.isDiskFull : errorCode(error) === 'ENOSPC'
  if (isFull) {
    return new OperationError(
      `${what} ${path} is full (${await describeLeft(path)}): ${state}; ${whenFull}`,
      { cause: error },
    )
  }
  if (error instanceof OperationError || errorCode(error) === undefined) return error
  return new OperationError(
    `${what} ${path} cannot be used: ${messageOf(error)}; ${state}; look at the kernel's log (dmesg) and the mount`,
    { cause: error },
  )
}

async function describeLeft(path: string): Promise<string> {
  const { bavail, bsize, files, ffree } = await statfs(path)
  if (files > 0 && ffree === 0) return 'no inode is left'
  return `${prettyBytes(bavail * bsize)} are left`
}

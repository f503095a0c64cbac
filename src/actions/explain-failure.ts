import { statfs } from 'node:fs/promises'
import prettyBytes from 'pretty-bytes'
import { describeTrouble, readAttributeTrouble } from '../copy/attribute-trouble.ts'
import {
  HookError,
  OperationError,
  ProgramError,
  SpaceError,
  errorCode,
  messageOf,
} from '../errors.ts'
import { findUserNamespace, userNamespaceFix } from '../system/user-namespace.ts'

/** The store, as the place where something failed. */
export function inStore(path: string) {
  const whenFull = 'free space, or lower SNAP_MAX and run "snap-volume prune", then try again'
  return { what: 'the store', path, whenFull }
}

/** A volume, likewise. */
export function inData(path: string) {
  return { what: 'the data in', path, whenFull: 'free space there first' }
}

/**
 * Turns an error of the system into one that says where and what next: of a full disk, whether
 * bytes, inodes or a quota are missing; of an extended attribute or ACL that cannot be kept, which
 * one. Errors that say so already pass as they are.
 */
export async function explainFailure(
  error: unknown,
  where: { what: string; path: string; whenFull: string },
  state: string,
): Promise<unknown> {
  return withWayOut(await explain(error, where, state))
}

/**
 * In a user namespace root has no rights over files of users outside of it, and makes no device
 * files.
 */
function withWayOut(error: unknown): unknown {
  if (!isDenied(error) || findUserNamespace() === undefined) return error
  return new OperationError(
    `${messageOf(error)}; in this user namespace root has no rights over files, owners and ACLs of users outside of it, and makes no device files`,
    { cause: error, fix: userNamespaceFix },
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
  const trouble = await findAttributeTrouble(error, what, path)
  if (trouble !== undefined) {
    return new OperationError(`${state}, because ${trouble.problem}`, { fix: trouble.fix })
  }
  if (isQuota(error)) {
    return new SpaceError(`${what} ${path} is full (the disk quota is used up): ${state};`, {
      cause: error,
      fix: `have the quota raised, or ${whenFull}`,
    })
  }
  if (isFull(error)) {
    return new SpaceError(`${what} ${path} is full (${await describeLeft(path)}): ${state};`, {
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

function isQuota(error: unknown): boolean {
  return error instanceof ProgramError
    ? error.failure === 'space' && error.stderr.includes('Disk quota exceeded')
    : errorCode(error) === 'EDQUOT'
}

function isFull(error: unknown): boolean {
  return error instanceof ProgramError ? error.failure === 'space' : errorCode(error) === 'ENOSPC'
}

/** A full disk refuses attributes, too, with the same words: then they are not what is wrong. */
async function findAttributeTrouble(
  error: unknown,
  what: string,
  path: string,
): Promise<{ problem: string; fix: string } | undefined> {
  if (!(error instanceof ProgramError)) return undefined
  const lines = error.stderr.split('\n')
  const troubles = lines.flatMap((line) => readAttributeTrouble(line) ?? [])
  const found = troubles.flatMap((trouble) => describeTrouble(trouble, `${what} ${path}`) ?? [])[0]
  if (found === undefined || error.failure !== 'space') return found

  const others = lines.filter((line) => readAttributeTrouble(line) === undefined)
  const isFullForOthers = others.some((line) => /No space left|quota exceeded/.test(line))
  return isFullForOthers || (await isShort(path)) ? undefined : found
}

/** Too short of space for an attribute of any size that a filesystem takes. */
async function isShort(path: string): Promise<boolean> {
  const { bavail, bsize, files, ffree } = await statfs(path)
  return bavail * bsize < largestAttributes || (files > 0 && ffree === 0)
}

const largestAttributes = 1_000_000

async function describeLeft(path: string): Promise<string> {
  const { bavail, bsize, files, ffree } = await statfs(path)
  if (files > 0 && ffree === 0) return 'no inode is left'
  return `${prettyBytes(bavail * bsize)} are left`
}

import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs'
import { OperationError, errorCode } from '../errors.ts'
import {
  type BytePath,
  displayPath,
  isGone,
  nameOf,
  openBelow,
  parentOf,
  systemPath,
  throughDescriptor,
} from './byte-path.ts'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
/** Of open(2), which Node does not name. */
const O_PATH = 0o10_000_000

/** A path below a root, which no symbolic link leads out of. */
export interface FilePlace {
  root: BytePath
  /** Empty for the root itself. */
  path: BytePath
}

/** lstat(2) of what is there; undefined where nothing is, or a link is on the way. */
export function statBelow({ root, path }: FilePlace): BigIntStats | undefined {
  return inParent({ root, path }, (at) => {
    return lstatSync(systemPath(at), { bigint: true, throwIfNoEntry: false })
  })
}

export function isFileThere(place: FilePlace): boolean {
  return statBelow(place) !== undefined
}

/**
 * Opens a regular file to read it; the caller closes it. Undefined where nothing is there. Throws
 * OperationError for what is no regular file, which is never waited for.
 */
export function openFileBelow(place: FilePlace): number | undefined {
  return inParent(place, (at) => {
    try {
      const descriptor = openSync(systemPath(at), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      if (fstatSync(descriptor).isFile()) return descriptor
      closeSync(descriptor)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      if (errorCode(error) === 'EAGAIN') throw isLeased(place, error)
      if (!isGone(error) && errorCode(error) !== 'ENXIO') throw error
    }
    throw new OperationError(`${displayPath(place.path)} is no regular file`)
  })
}

/**
 * Opens an entry of any kind, also a symbolic link, to look at it and to set its attributes through
 * the descriptor; the caller closes it. Undefined where nothing is there.
 */
export function openEntryBelow(place: FilePlace): number | undefined {
  return inParent(place, (at) => {
    try {
      return openSync(systemPath(at), O_PATH | O_NOFOLLOW)
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  })
}

function isLeased({ path }: FilePlace, cause: unknown): OperationError {
  return new OperationError(
    `${displayPath(path)} cannot be read: another program has a lease on it`,
    {
      cause,
      fix: 'try again when that has closed it',
    },
  )
}

function inParent<T>(
  { root, path }: FilePlace,
  look: (at: BytePath) => T | undefined,
): T | undefined {
  if (path === '') return look(root)
  const parent = openBelow(root, parentOf(path))
  if (parent === undefined) return undefined
  try {
    return look(`${throughDescriptor(parent)}/${nameOf(path)}`)
  } finally {
    closeSync(parent)
  }
}

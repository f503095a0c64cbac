import { closeSync, constants, lstatSync, opendirSync, openSync, readdirSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { errorCode } from '../errors.ts'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants

/**
 * A path or name of any bytes, as a string with one character a byte (latin1). It is compared, cut
 * and used as a key like any string, at the speed of one; `systemPath` makes of it what the file
 * system takes.
 */
export type BytePath = string

/**
 * What Node's fs functions take for these bytes: Node would write other characters than ASCII as
 * UTF-8.
 */
export function systemPath(path: BytePath): string | Buffer {
  return isAscii(path) ? path : Buffer.from(path, 'latin1')
}

/** The bytes of a path as text for people; bytes that are no UTF-8 become U+FFFD. */
export function displayPath(path: BytePath): string {
  return isAscii(path) ? path : Buffer.from(path, 'latin1').toString()
}

/** The bytes of a path that came as text. */
export function bytePath(text: string): BytePath {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1')
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text)
}

export function joinPath(directory: BytePath, name: BytePath): BytePath {
  return directory === '' ? name : `${directory}/${name}`
}

/** The directory that a path is in; the empty path for what is in the root. */
export function parentOf(path: BytePath): BytePath {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** Whether a path is one of some directories, or in one of them; `.` is the root. */
export function isInAny(path: BytePath, directories: ReadonlySet<BytePath>): boolean {
  for (let one = path; one !== ''; one = parentOf(one)) if (directories.has(one)) return true
  return directories.has('.')
}

/** The last part of a path. */
export function nameOf(path: BytePath): BytePath {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function readNames(directory: BytePath): BytePath[] {
  return readdirSync(systemPath(directory), { encoding: 'latin1' })
}

export interface DirectoryEntry {
  name: BytePath
  isDirectory: boolean
}

/**
 * The names, and what the directory itself says they are. Where it does not say, as that of sshfs,
 * Node looks at each by its name, which therefore has to come in bytes.
 */
export function* readEntries(directory: BytePath, bufferSize = 256): Generator<DirectoryEntry> {
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize }
  using opened = opendirSync(systemPath(directory), options)
  for (let entry = opened.readSync(); entry !== null; entry = opened.readSync()) {
    const name = Buffer.from(entry.name).toString('latin1')
    yield { name, isDirectory: entry.isDirectory() }
  }
}

/** The same at once; undefined when there are more than `most`. */
export function readKinds(directory: BytePath, most = Infinity): DirectoryEntry[] | undefined {
  const entries: DirectoryEntry[] = []
  // no more of a large directory than is wanted
  for (const entry of readEntries(directory, Math.min(1024, most + 2))) {
    if (entries.length === most) return undefined
    entries.push(entry)
  }
  return entries
}

/** lstat(2) with times to the nanosecond; undefined when nothing is there. */
export function lstatIfThere(path: BytePath): BigIntStats | undefined {
  return lstatSync(systemPath(path), { bigint: true, throwIfNoEntry: false })
}

/** The same, undefined also where a directory above is none. */
export function lstatIfReachable(path: BytePath): BigIntStats | undefined {
  try {
    return lstatIfThere(path)
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Whether an error says that something is not there, or is no directory (any more). */
export function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')
}

/** Opens a directory without following a link; undefined when it is not there as one. */
export function openIfDirectory(path: BytePath): number | undefined {
  try {
    return openSync(systemPath(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/**
 * Opens the directory `path` below `root` (a path through an open directory) one component after
 * the other, following no link, so that whoever owns the tree cannot lead it elsewhere. The caller
 * closes it. Undefined when it is not there as one.
 */
export function openBelow(root: BytePath, path: BytePath): number | undefined {
  let descriptor = openIfDirectory(`${root}/.`)
  if (path === '') return descriptor

  for (const part of path.split('/')) {
    if (descriptor === undefined) return undefined
    const above = descriptor
    try {
      descriptor = openIfDirectory(`${throughDescriptor(above)}/${part}`)
    } finally {
      closeSync(above)
    }
  }

  return descriptor
}

/** open(2) takes no more, the NUL at the end included. */
const longestOpened = 4095

/** Opens a path through an open directory, which may be longer than open(2) takes. */
export function openAnyLength(path: BytePath, flags: number): number {
  if (path.length <= longestOpened) return openSync(systemPath(path), flags)
  const cut = path.lastIndexOf('/', longestOpened)
  const directory = openSync(systemPath(path.slice(0, cut)), O_RDONLY | O_DIRECTORY)
  try {
    return openAnyLength(`${throughDescriptor(directory)}${path.slice(cut)}`, flags)
  } finally {
    closeSync(directory)
  }
}

/** A path to what a descriptor of this process has open. */
export function throughDescriptor(descriptor: number): BytePath {
  return `/proc/self/fd/${descriptor}`
}

/** The same for a program that this process starts. */
export function forPrograms(descriptor: number): string {
  return `/proc/${process.pid}/fd/${descriptor}`
}

import {
  closeSync,
  fchmodSync,
  constants,
  fsyncSync,
  openSync,
  readSync,
  fstatSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { ProgramError } from '../errors.ts'
import { spawn } from '../system/spawn.ts'

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW, O_NONBLOCK } = constants
const largestDocument = 16 * 1024 * 1024

/** Makes a rename or unlink in `directory` survive a power cut (fsync(2)). */
export function fsyncDirectory(directory: string): void {
  const descriptor = openSync(directory, O_RDONLY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Moves `from` to `to` on one filesystem; after it returns, a power cut does not undo it. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to)
  fsyncDirectory(dirname(to))
  if (dirname(from) !== dirname(to)) fsyncDirectory(dirname(from))
}

/** Replaces a file as a whole: a crash leaves the old or the new content, never a mixture. */
export function writeFileDurably(path: string, content: string, mode: number): void {
  const temporary = `${path}.new`
  const descriptor = openSync(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode)
  try {
    fchmodSync(descriptor, mode)
    writeFileSync(descriptor, content)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }

  renameDurably(temporary, path)
}

/** Writes a file that must not exist yet, to the disk. */
export function createFileDurably(path: string, content: string, mode: number): void {
  const descriptor = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
  try {
    fchmodSync(descriptor, mode)
    writeFileSync(descriptor, content)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Reads a small file that others may have put there: never through a link, never from a pipe. */
export function readDocument(path: string): string {
  const descriptor = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw new Error('not a regular file')
    if (stat.size > largestDocument) throw new Error(`larger than ${largestDocument} bytes`)
    const buffer = Buffer.alloc(stat.size)
    const length = readSync(descriptor, buffer, 0, stat.size, 0)
    return buffer.toString('utf8', 0, length)
  } finally {
    closeSync(descriptor)
  }
}

/** Writes all data of the filesystem that holds `path` to the disk (syncfs(2), by sync(1)). */
export async function syncFilesystem(path: string): Promise<void> {
  const result = await spawn('sync', ['-f', '--', path])
  if (result.exitCode !== 0) {
    throw new ProgramError(
      `the data could not be written to the disk: ${result.stderr.trim()};`,
      result.stderr,
      { fix: `look at the kernel's log (dmesg) for the device of ${path}` },
    )
  }
}

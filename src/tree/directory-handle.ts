import { closeSync, constants, lstatSync, openSync, readlinkSync } from 'node:fs'
import { OperationError, errorCode, isNotFound, messageOf } from '../errors.ts'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants

/**
 * An open directory. Whoever owns the tree may rename it or put a symbolic link in its place: what
 * is reached through the handle stays the directory that was checked when it was opened
 * (docs/internals/threat-model.md).
 */
export interface DirectoryHandle extends Disposable {
  /** The path it was opened by, for messages. */
  readonly path: string
  readonly descriptor: number
  /** A path to it for this process. */
  readonly here: string
  /** A working directory for a program this process starts. */
  readonly cwd: string
}

/**
 * Opens `path`, refusing when it or a directory above it is a symbolic link, so that a link can
 * never lead a copy elsewhere. Throws OperationError that says what `path` is instead.
 */
export function openDirectory(path: string): DirectoryHandle {
  using opening = new DisposableStack()
  const descriptor = opening.adopt(openOrExplain(path), closeSync)
  const here = `/proc/self/fd/${descriptor}`
  const real = readlinkSync(here)
  if (real !== path) {
    throw new OperationError(`${path} is reached through a symbolic link`, {
      fix: `use ${real} instead`,
    })
  }

  const opened = opening.move()
  return {
    path,
    descriptor,
    here,
    cwd: `/proc/${process.pid}/fd/${descriptor}`,
    [Symbol.dispose]: () => opened.dispose(),
  }
}

/** Throws what `openDirectory` would. */
export function assertDirectory(path: string): void {
  openDirectory(path)[Symbol.dispose]()
}

function openOrExplain(path: string): number {
  try {
    return openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  } catch (error) {
    throw explain(path, error)
  }
}

function explain(path: string, cause: unknown): OperationError {
  const cannotOpen = (problem: string, fix?: string): OperationError =>
    new OperationError(problem, { cause, fix })
  switch (errorCode(cause)) {
    case 'ENOENT':
      return cannotOpen(
        `there is no directory ${path}`,
        'mount the volume there, or correct the path',
      )
    case 'ELOOP':
    case 'ENOTDIR':
      return cannotOpen(
        `${path} is not a directory but a file or a symbolic link`,
        'name the directory itself',
      )
    case 'EACCES':
      return cannotOpen(`${path} cannot be opened`, 'run as root with the capability DAC_OVERRIDE')
    default:
      return cannotOpen(`${path} cannot be opened: ${messageOf(cause)}`)
  }
}

/** False for a link to one, and where nothing is. */
export function isRealDirectory(path: string): boolean {
  try {
    return lstatSync(path).isDirectory()
  } catch (error) {
    if (isNotFound(error)) return false
    throw error
  }
}

import { lstatSync, statfsSync } from 'node:fs'
import { ProgramError } from '../errors.ts'
import { findProgram } from './find-program.ts'
import { spawn } from './spawn.ts'

/** statfs(2): the type of btrfs. */
const btrfsMagic = 0x9123683e
/** The root of every subvolume has this inode, and nothing else on btrfs (btrfs-subvolume(8)). */
const subvolumeInode = 256n

export function isBtrfs(path: string): boolean {
  return statfsSync(path).type === btrfsMagic
}

export function isSubvolume(path: string): boolean {
  const stat = lstatSync(path, { bigint: true })
  return stat.isDirectory() && stat.ino === subvolumeInode && isBtrfs(path)
}

/**
 * Whether `path` is a directory on btrfs of which no snapshot can be taken, because it is no
 * subvolume.
 */
export function isPlainDirectoryOnBtrfs(path: string): boolean {
  return isBtrfs(path) && lstatSync(path).isDirectory() && !isSubvolume(path)
}

/** Whether btrfs(8) is installed. */
export function hasBtrfsProgram(): boolean {
  return findProgram('btrfs') !== undefined
}

/**
 * Makes an empty subvolume `name` in the working directory `cwd`.
 * Throws ProgramError with the program's own words.
 */
export async function createSubvolume(cwd: string, name: string): Promise<void> {
  const { exitCode, stderr } = await spawn('btrfs', ['subvolume', 'create', '--', `./${name}`], {
    cwd,
  })
  if (exitCode === 0) return
  throw new ProgramError(`btrfs could not make the subvolume ${name}: ${stderr.trim()}`, stderr)
}

/**
 * Makes a snapshot of the subvolume that is the working directory `cwd` at `target`, which must not
 * exist: atomic, and in no time; read-only unless it is to be `writable`. Throws ProgramError with
 * the program's own words.
 */
export async function snapshotSubvolume(
  cwd: string,
  target: string,
  { signal, writable = false }: { signal?: AbortSignal | undefined; writable?: boolean } = {},
): Promise<void> {
  const { exitCode, stderr } = await spawn(
    'btrfs',
    ['subvolume', 'snapshot', ...(writable ? [] : ['-r']), '--', '.', target],
    { cwd, signal },
  )
  if (exitCode === 0) return

  throw new ProgramError(`btrfs could not take a snapshot: ${stderr.trim()}`, stderr)
}

/**
 * Makes a read-only snapshot deletable: at once where the capabilities allow it, else by making it
 * writable, so that what is in it can be removed like any directory.
 */
export async function releaseSubvolume(path: string): Promise<void> {
  const deleted = await spawn('btrfs', ['subvolume', 'delete', '--', path])
  if (deleted.exitCode !== 0) {
    await spawn('btrfs', ['property', 'set', '-ts', '--', path, 'ro', 'false'])
  }
}

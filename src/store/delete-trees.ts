import { closeSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { availableParallelism } from 'node:os'
import { isNotFound } from '../errors.ts'
import {
  type BytePath,
  bytePath,
  lstatIfThere,
  openIfDirectory,
  readNames,
  systemPath,
  throughDescriptor,
} from '../system/byte-path.ts'
import { run } from '../system/run.ts'
import { isBtrfs, isSubvolume, releaseSubvolume } from '../system/subvolume.ts'

/** So many parts for each process, that all of them end at about the same time. */
const partsEach = 32
const mostOpened = 200
const mostPathsEach = 1000
const gently = ['-n', '19', 'ionice', '-t', '-c', '3']
const remove = ['rm', '-rf', '--one-file-system', '--']

/**
 * Deletes directories with all that is in them by rm(1), as many at a time as there are cores, at low
 * priority. Directories on the way are opened without following links and rm goes on from there, so whoever
 * owns a tree cannot lead it elsewhere.
 * Returns what rm said of entries it could not delete; empty when all is gone. Throws InterruptedError.
 */
export async function deleteTrees(paths: readonly string[], signal?: AbortSignal): Promise<string> {
  for (const path of paths) await releaseSubvolumes(path)
  const roots = paths.map((path) => bytePath(path))
  const processes = availableParallelism()
  const opened: number[] = []
  try {
    const { parts, directories } = divide(roots, processes * partsEach, opened)
    await removeBy(processes, parts, signal)
    for (const directory of directories.toReversed()) removeIfEmpty(directory)
    const left = roots.filter((root) => !removeIfEmpty(root))
    // tries again what is left, and tells of it by its path
    return (await removeBy(1, left, signal)).trim()
  } finally {
    for (const descriptor of opened) closeSync(descriptor)
  }
}

/** Snapshots of subvolumes are directly in what is deleted; they are read-only until they are released. */
async function releaseSubvolumes(path: string): Promise<void> {
  if (!isBtrfs(path)) return
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name)
    if (entry.isDirectory() && isSubvolume(child)) await releaseSubvolume(child)
  }
}

/**
 * Paths to `roots`, or to what is in them: so many parts at least, if there are, and the directories they are in,
 * but for `roots`, those above first. What is opened for it stays open.
 */
function divide(
  roots: readonly BytePath[],
  wanted: number,
  opened: number[],
): { parts: BytePath[]; directories: BytePath[] } {
  const parts: BytePath[] = []
  const directories: BytePath[] = []
  const readEntries = (directory: BytePath): BytePath[] => {
    const descriptor = openIfDirectory(directory)
    if (descriptor === undefined) return []
    opened.push(descriptor)
    const names = readNames(throughDescriptor(descriptor))
    return names.map((name) => `/proc/${process.pid}/fd/${descriptor}/${name}`)
  }
  // a whole level at a time, or a few parts would be as large as all others together
  let level = roots
  while (
    level.length > 0 &&
    parts.length + level.length < wanted &&
    opened.length + level.length <= mostOpened
  ) {
    if (level !== roots) directories.push(...level)
    level = level.flatMap(readEntries)
    // what they are does not matter when there are enough of them
    if (parts.length + level.length >= wanted) break
    const kinds = Map.groupBy(level, (path) => lstatIfThere(path)?.isDirectory() === true)
    parts.push(...(kinds.get(false) ?? []))
    level = kinds.get(true) ?? []
  }
  return { parts: [...parts, ...level], directories }
}

/** Whether it is gone; why it is not, is for rm(1) to say. */
function removeIfEmpty(directory: BytePath): boolean {
  try {
    rmdirSync(systemPath(directory))
    return true
  } catch (error) {
    return isNotFound(error)
  }
}

async function removeBy(
  processes: number,
  paths: readonly BytePath[],
  signal: AbortSignal | undefined,
): Promise<string> {
  if (paths.length === 0) return ''
  const pathsEach = Math.min(mostPathsEach, Math.ceil((paths.length + 1) / (processes * 8)))
  const share = ['xargs', '-0', '-P', String(processes), '-n', String(pathsEach)]
  const { stderr } = await run('nice', [...gently, ...share, ...remove], {
    signal,
    input: Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1'),
  })
  return stderr
}

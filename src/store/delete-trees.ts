import { closeSync, realpathSync, rmdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { isNotFound } from '../errors.ts'
import {
  type BytePath,
  bytePath,
  joinPath,
  openIfDirectory,
  readKinds,
  systemPath,
  throughDescriptor,
} from '../tree/byte-path.ts'
import { isRealDirectory } from '../tree/directory-handle.ts'
import { type Mount, isInside, readMounts } from '../system/mounts.ts'
import { spawn } from '../system/spawn.ts'

/** So many parts of each tree for each process, that all of them end at about the same time. */
const partsEach = 16
/**
 * Few enough to be opened, each: what is in a subvolume is another filesystem to rm(1) unless it is
 * named.
 */
const treesAtATime = 32
const mostOpened = 200
/** All of them are in memory at a time. */
const mostParts = 100_000
const mostPathsEach = 1000
const gently = ['-n', '19', 'ionice', '-t', '-c', '3']
const remove = ['rm', '-rf', '--one-file-system', '--']

/**
 * Deletes directories with all that is in them by rm(1), as many at a time as there are cores, at
 * low priority. Directories on the way are opened without following links and rm goes on from
 * there, so whoever owns a tree cannot lead it elsewhere. Where something is mounted in one, all of
 * it stays. Returns what was said of entries that could not be deleted, a line each; empty when all
 * is gone. Throws InterruptedError.
 */
export async function deleteTrees(paths: readonly string[], signal?: AbortSignal): Promise<string> {
  const mounts = readMounts()
  const complaints: string[] = []
  const free: string[] = []
  for (const path of paths) {
    const mount = findMountIn(path, mounts)
    if (mount === undefined) free.push(path)
    else complaints.push(`${path} stays, because ${mount} is mounted in it: unmount that`)
  }

  for (let start = 0; start < free.length; start += treesAtATime) {
    const said = await deleteSome(free.slice(start, start + treesAtATime).map(bytePath), signal)
    if (said !== '') complaints.push(said)
  }

  return complaints.join('\n')
}

/** rm(1) would empty it when it is of the same filesystem. */
function findMountIn(path: string, mounts: readonly Mount[]): string | undefined {
  if (!isRealDirectory(path)) return undefined
  const real = realpathSync(path)
  return mounts.find(({ mountPoint }) => isInside(mountPoint, real))?.mountPoint
}

async function deleteSome(
  roots: readonly BytePath[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const processes = availableParallelism()
  const opened: number[] = []
  try {
    const { parts, directories } = divide(roots, processes * partsEach * roots.length, opened)
    const inOrder = parts.toSorted(byPlace).map(({ path }) => path)
    await removeBy(processes, inOrder, signal)
    for (const { path } of directories.toReversed()) removeIfEmpty(path)

    const left = roots.filter((root) => !removeIfEmpty(root))
    // tries again what is left, and tells of it by its path
    return (await removeBy(1, left, signal)).trim()
  } finally {
    for (const descriptor of opened) closeSync(descriptor)
  }
}

/** Something to delete: how to reach it, and its path below the root it is in. */
interface Part {
  path: BytePath
  below: BytePath
  /**
   * False for what is left to rm(1) as it is: all but directories, and those with very many
   * entries.
   */
  isDivided: boolean
}

/**
 * What is in `roots`, or deeper in them: so many directories at least, if there are, the files on
 * the way to them, and the directories all that is in, but for `roots`, those above first. What is
 * opened for it stays open.
 */
function divide(
  roots: readonly BytePath[],
  wanted: number,
  opened: number[],
): { parts: Part[]; directories: Part[] } {
  let whole: Part[] = []
  let directories: Part[] = []
  let left = mostParts
  const readEntries = (directory: Part): Part[] => {
    try {
      const descriptor = openIfDirectory(directory.path)
      if (descriptor === undefined) return []

      opened.push(descriptor)
      const entries = readKinds(throughDescriptor(descriptor), left)
      if (entries === undefined) return [{ ...directory, isDivided: false }]

      left -= entries.length
      const here = `/proc/${process.pid}/fd/${descriptor}`

      return entries.map(({ name, isDirectory }) => ({
        path: `${here}/${name}`,
        below: joinPath(directory.below, name),
        isDivided: isDirectory,
      }))
    } catch {
      // such as EIO: rm(1) says so, and deletes the others
      return []
    }
  }

  // a whole level at a time, or a few parts would be as large as all others together
  let level = roots.map((path): Part => ({ path, below: '', isDivided: true }))
  while (level.length > 0 && level.length < wanted && opened.length + level.length <= mostOpened) {
    directories = [...directories, ...level.filter(({ below }) => below !== '')]
    const entries = level.flatMap(readEntries)
    whole = [...whole, ...entries.filter(({ isDivided }) => !isDivided)]
    level = entries.filter(({ isDivided }) => isDivided)
  }

  return { parts: [...whole, ...level], directories }
}

/**
 * What is at one place in several snapshots is mostly links to the same files: the kernel has them
 * at hand when they go together.
 */
function byPlace({ below: one }: Part, { below: other }: Part): number {
  return one < other ? -1 : one > other ? 1 : 0
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

  const { stderr } = await spawn('nice', [...gently, ...share, ...remove], {
    signal,
    input: Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1'),
  })
  return stderr
}

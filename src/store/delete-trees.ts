import { closeSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { availableParallelism } from 'node:os'
import {
  type BytePath,
  bytePath,
  lstatIfThere,
  openIfDirectory,
  readNames,
  throughDescriptor,
} from '../system/byte-path.ts'
import { run } from '../system/run.ts'
import { isBtrfs, isSubvolume, releaseSubvolume } from '../system/subvolume.ts'

/** A directory with fewer entries is entered, to find one whose entries are worth sharing among processes. */
const worthSharing = 16
const deepestEntered = 6
const mostNamesEach = 1000

/**
 * Deletes directories with all that is in them by rm(1), as many at a time as there are cores, at low
 * priority. Directories on the way are opened without following links and rm runs inside of them, so whoever
 * owns a tree cannot lead it elsewhere.
 * Returns what rm said of entries it could not delete; empty when all is gone. Throws InterruptedError.
 */
export async function deleteTrees(paths: readonly string[], signal?: AbortSignal): Promise<string> {
  const complaints: string[] = []
  for (const path of paths) {
    for (const subvolume of await releaseSubvolumes(path)) {
      // for rm(1) another filesystem, so what is in it has to be named; empty, it goes like any directory
      complaints.push(await emptyDirectory(bytePath(subvolume), deepestEntered, signal))
    }
    complaints.push(await emptyDirectory(bytePath(path), 0, signal))
  }
  for (let start = 0; start < paths.length; start += mostNamesEach) {
    const some = paths.slice(start, start + mostNamesEach)
    const { stderr } = await run('rm', ['-rf', '--one-file-system', '--', ...some], { signal })
    complaints.push(stderr)
  }
  return [...new Set(complaints.join('\n').split('\n'))].filter(Boolean).join('\n')
}

/**
 * Snapshots of subvolumes are directly in what is deleted; they are read-only until they are released.
 * Returns those that could be made writable only.
 */
async function releaseSubvolumes(path: string): Promise<string[]> {
  if (!isBtrfs(path)) return []
  const released: string[] = []
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name)
    if (!entry.isDirectory() || !isSubvolume(child)) continue
    await releaseSubvolume(child)
    if (existsSync(child)) released.push(child)
  }
  return released
}

async function emptyDirectory(
  path: BytePath,
  depth: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const descriptor = openIfDirectory(path)
  if (descriptor === undefined) return ''
  try {
    const here = throughDescriptor(descriptor)
    const names = readNames(here)
    if (names.length >= worthSharing || depth === deepestEntered) {
      return await removeNames(`/proc/${process.pid}/fd/${descriptor}`, names, signal)
    }
    const complaints: string[] = []
    for (const name of names) {
      const child = `${here}/${name}`
      if (lstatIfThere(child)?.isDirectory() === true) {
        complaints.push(await emptyDirectory(child, depth + 1, signal))
      }
    }
    return complaints.join('\n')
  } finally {
    closeSync(descriptor)
  }
}

async function removeNames(
  cwd: string,
  names: readonly BytePath[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const processes = availableParallelism()
  const namesEach = Math.min(mostNamesEach, Math.ceil((names.length + 1) / (processes * 4)))
  const gentle = ['-n', '19', 'ionice', '-t', '-c', '3']
  const share = ['xargs', '-0', '-P', String(processes), '-n', String(namesEach)]
  const remove = ['rm', '-rf', '--one-file-system', '--']
  const { stderr } = await run('nice', [...gentle, ...share, ...remove], {
    cwd,
    signal,
    input: Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1'),
  })
  return stderr
}

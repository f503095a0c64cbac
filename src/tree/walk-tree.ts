import type { BigIntStats } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { throwIfInterrupted } from '../errors.ts'
import { type BytePath, joinPath, lstatIfThere, readNames } from './byte-path.ts'
import type { Excludes } from './excludes.ts'
import { TreeReader } from './tree-reader.ts'

/** An entry of a tree; a directory on another device than the root is not entered. */
export interface TreeEntry {
  path: BytePath
  stat: BigIntStats
  isEntered: boolean
}

/**
 * Gives what is below `root` (a path through an open directory), or below some paths in it, depth
 * first. It follows no link, stays on one filesystem, and lets signals and timers have their turn;
 * ends with InterruptedError. What vanishes meanwhile is not given, nor are the paths in `except`,
 * at which nobody looks; at one that is there as a directory somebody does, and enters it not.
 */
export async function* walkTree(
  root: BytePath,
  signal?: AbortSignal,
  tops: Iterable<BytePath> = [''],
  except: Pick<Excludes, 'has'> = new Set<BytePath>(),
): AsyncGenerator<TreeEntry> {
  using reader = new TreeReader(root)
  const device = reader.lstat('.')?.dev
  const pending = [...tops]
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    await nextTurn()
    throwIfInterrupted(signal)

    const entries: TreeEntry[] = []
    const here = reader.enter(directory)
    for (const name of here === undefined ? [] : readNames(here)) {
      const path = joinPath(directory, name)
      const stat = except.has(path, false) ? undefined : lstatIfThere(`${here}/${name}`)
      if (stat === undefined || (stat.isDirectory() && except.has(path, true))) continue
      const isEntered = stat.isDirectory() && stat.dev === device
      entries.push({ path, stat, isEntered })
    }

    for (const entry of entries) if (entry.isEntered) pending.push(entry.path)
    yield* entries
  }
}

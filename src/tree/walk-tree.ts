import type { BigIntStats } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { throwIfInterrupted } from '../errors.ts'
import { type BytePath, joinPath, lstatIfThere, readNames } from './byte-path.ts'
import { TreeReader } from './tree-reader.ts'

/** An entry of a tree; a directory on another device than the root is not entered. */
export interface TreeEntry {
  path: BytePath
  stat: BigIntStats
  isEntered: boolean
}

/**
 * Gives what is below `root` (a path through an open directory), or below some paths in it, depth first. It follows no link, stays on
 * one filesystem, and lets signals and timers have their turn; ends with InterruptedError. What vanishes meanwhile is not given, nor
 * are the paths in `except`, at which nobody looks.
 */
export async function* walkTree(
  root: BytePath,
  signal?: AbortSignal,
  tops: Iterable<BytePath> = [''],
  except: ReadonlySet<BytePath> = new Set(),
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
      const stat = except.has(path) ? undefined : lstatIfThere(`${here}/${name}`)
      if (stat === undefined) continue
      const isEntered = stat.isDirectory() && stat.dev === device
      entries.push({ path, stat, isEntered })
    }
    for (const entry of entries) if (entry.isEntered) pending.push(entry.path)
    yield* entries
  }
}

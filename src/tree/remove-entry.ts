import { rmdirSync, unlinkSync } from 'node:fs'
import { errorCode, isNotFound } from '../errors.ts'
import {
  type BytePath,
  isGone,
  joinPath,
  lstatIfThere,
  nameOf,
  parentOf,
  readKinds,
  readNames,
  systemPath,
} from './byte-path.ts'
import { TreeReader } from './tree-reader.ts'

/**
 * Removes what is at `path`, a directory with all that is in it. `path` must be through an open
 * directory; below it nothing is followed, and no other filesystem than that of `path` is entered:
 * where one is mounted, it and the directories above it stay.
 */
export function removeEntry(path: BytePath): void {
  const stat = lstatIfThere(path)
  if (stat === undefined) return
  if (!stat.isDirectory()) return unlinkIfThere(path)
  using reader = new TreeReader(parentOf(path))
  removeDirectory(reader, nameOf(path), stat.dev)
}

/** The same for an entry of a tree. */
export function removeBelow(reader: TreeReader, path: BytePath): void {
  const stat = reader.lstat(path)
  if (stat?.isDirectory() === true) removeDirectory(reader, path, stat.dev)
  else if (stat !== undefined) reader.unlink(path)
}

/** Empties a directory. */
export function removeEntries(directory: BytePath): void {
  for (const name of readNames(directory)) removeEntry(`${directory}/${name}`)
}

/** Depth first, and with one directory open at a time, however deep it is. */
function removeDirectory(reader: TreeReader, path: BytePath, device: bigint): void {
  const pending: { path: BytePath; inside?: BytePath[] }[] = [{ path }]
  for (let last = pending.at(-1); last !== undefined; last = pending.at(-1)) {
    last.inside ??= unlinkFiles(reader, last.path)
    const next = last.inside.pop()
    if (next !== undefined) {
      if (reader.lstat(next)?.dev === device) pending.push({ path: next })
      continue
    }

    reader.at(last.path, removeIfEmpty)
    pending.pop()
  }
}

/** Returns the directories that are left. */
function unlinkFiles(reader: TreeReader, path: BytePath): BytePath[] {
  const directory = reader.enter(path)
  if (directory === undefined) return []

  const left: BytePath[] = []
  for (const { name, isDirectory } of readKinds(directory) ?? []) {
    const inside = joinPath(path, name)
    if (isDirectory) left.push(inside)
    else unlinkIfThere(`${directory}/${name}`)
  }

  return left
}

/** A directory stays where something is in it, or mounted in it; and what is no directory. */
export function removeIfEmpty(directory: BytePath): void {
  try {
    rmdirSync(systemPath(directory))
  } catch (error) {
    if (!isGone(error) && !['EBUSY', 'ENOTEMPTY'].includes(errorCode(error) ?? '')) throw error
  }
}

function unlinkIfThere(path: BytePath): void {
  try {
    unlinkSync(systemPath(path))
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

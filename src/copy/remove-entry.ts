import { closeSync, rmdirSync, unlinkSync } from 'node:fs'
import { errorCode, isNotFound } from '../errors.ts'
import {
  type BytePath,
  joinPath,
  lstatIfThere,
  openIfDirectory,
  readNames,
  systemPath,
  throughDescriptor,
} from '../system/byte-path.ts'
import type { TreeReader } from './tree-reader.ts'

/**
 * Removes what is at `path`, a directory with all that is in it. `path` must be through an open directory;
 * below it nothing is followed, and no other filesystem than that of `path` is entered: where one is mounted, it
 * and the directories above it stay.
 */
export function removeEntry(path: BytePath): void {
  removeUnlessKept(path, '', new Set())
}

/** The same for an entry of a tree, where what is in `except` (paths in the tree) stays, and what is above it. */
export function removeBelow(
  reader: TreeReader,
  path: BytePath,
  except: ReadonlySet<BytePath>,
): void {
  reader.at(path, (trusted) => removeUnlessKept(trusted, path, except))
}

/** Empties a directory. */
export function removeEntries(directory: BytePath): void {
  for (const name of readNames(directory)) removeEntry(`${directory}/${name}`)
}

function removeUnlessKept(
  entry: BytePath,
  path: BytePath,
  except: ReadonlySet<BytePath>,
  device?: bigint,
): void {
  if (except.has(path)) return
  const stat = lstatIfThere(entry)
  if (stat === undefined) return
  if (!stat.isDirectory()) return unlinkIfThere(entry)
  if (device !== undefined && stat.dev !== device) return
  const descriptor = openIfDirectory(entry)
  if (descriptor === undefined) return
  try {
    const inside = throughDescriptor(descriptor)
    for (const name of readNames(inside)) {
      removeUnlessKept(`${inside}/${name}`, joinPath(path, name), except, stat.dev)
    }
  } finally {
    closeSync(descriptor)
  }
  removeIfEmpty(entry)
}

/** A directory stays where something in it is kept or mounted. */
function removeIfEmpty(directory: BytePath): void {
  try {
    rmdirSync(systemPath(directory))
  } catch (error) {
    if (!['EBUSY', 'ENOTEMPTY', 'ENOENT'].includes(errorCode(error) ?? '')) throw error
  }
}

function unlinkIfThere(path: BytePath): void {
  try {
    unlinkSync(systemPath(path))
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

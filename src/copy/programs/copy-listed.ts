import { closeSync, linkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import {
  type BytePath,
  displayPath,
  forPrograms,
  openBelow,
  parentOf,
  systemPath,
  throughDescriptor,
} from '../../tree/byte-path.ts'
import { filesFrom } from './files-from.ts'
import type { LeftOutAttributes } from '../left-out-attributes.ts'
import { findMergedPaths } from './link-groups.ts'
import { removeEntry } from '../../tree/remove-entry.ts'
import { rsync } from './rsync-command.ts'
import { isDeep, onTheWay } from '../../tree/depth.ts'
import { eachPath, listPaths } from '../../tree/path-list.ts'
import { TreeReader } from '../../tree/tree-reader.ts'
import { watchDirectories } from './guard-directories.ts'

/** A directory that is held open. */
export interface OpenDirectory {
  /** A path to it for programs. */
  cwd: string
  /** A path to it for this process. */
  here: string
}

/** Where rsync copies from and to, for one volume. */
export interface RsyncTrees {
  source: OpenDirectory
  staging: OpenDirectory
  /** Whether entries that cannot be read are left out: then the caller finds out which. */
  leavesUnreadable?: boolean
  lockDescriptor: number
  signal?: AbortSignal | undefined
  onOutput?: (chunk: Buffer) => void
  /** Hears of attributes that this process may not set. */
  leftOut?: LeftOutAttributes | undefined
}

/**
 * Copies the listed paths (NUL after each) and no others, but those that are gone; none of them may
 * be in staging yet, but as directories or as files of its own: rsync changes attributes in place,
 * and those of a file shared with a published snapshot would change there too.
 */
export async function rsyncFiles(
  trees: RsyncTrees,
  paths: Uint8Array,
  options: readonly string[] = [],
  linkDestinations: readonly string[] = [],
): Promise<void> {
  await copyWatched(trees, paths, async () => rsyncNamed(trees, paths, options, linkDestinations))
  // rsync sees those that are one file only in one list
  if (isDeep(paths)) joinGroups(trees, [...eachPath(paths)])
}

/**
 * Has `copy` copy the listed paths by a program that follows links in the directories above them,
 * and copies again from open directories what it may have been led away from. Returns whether that
 * was the case: then some may not be staged.
 */
export async function copyWatched(
  trees: RsyncTrees,
  paths: Uint8Array,
  copy: () => Promise<void>,
): Promise<boolean> {
  const again = await findPossiblyRedirected(trees, paths, copy)
  if (again.length === 0) return false

  await fromOpenDirectories(trees, again, parentOf, async (place, names) => {
    for (const name of names) removeEntry(`${place.staging.here}/${name}`)
    await rsyncNamed(place, listPaths(names))
  })
  joinGroups(trees, [...eachPath(paths)])
  return true
}

/**
 * Gives the listed directories, the root not among them, their attributes, once nothing is written
 * into them any more.
 */
export async function rsyncDirectories(
  trees: RsyncTrees,
  paths: Uint8Array,
  options: readonly string[] = [],
): Promise<void> {
  // what is in the place of one meanwhile stays out
  const directoriesOnly = ['--filter=-! */', ...options]
  const again = await findPossiblyRedirected(trees, paths, async () =>
    rsyncNamed(trees, paths, directoriesOnly),
  )
  await fromOpenDirectories(trees, again, parentOf, async (place, names) =>
    rsyncNamed(place, listPaths(names), directoriesOnly),
  )
}

/**
 * Has `copy` copy listed paths, however deep: those that are too deep to be quick from open
 * directories on their way, one after the other.
 */
export async function copyByDepth(
  trees: RsyncTrees,
  paths: Uint8Array,
  copy: (place: RsyncTrees, paths: Uint8Array, directory: BytePath) => Promise<void>,
): Promise<void> {
  if (!isDeep(paths)) return copy(trees, paths, '')
  using staging = new TreeReader(trees.staging.here)
  for (const path of eachPath(paths)) staging.makeDirectories(onTheWay(path))
  await fromOpenDirectories(trees, [...eachPath(paths)], onTheWay, async (place, names, at) =>
    copy(place, listPaths(names), at),
  )
}

/** Returns those of the paths that a link may have led `copy` away from. */
async function findPossiblyRedirected(
  trees: RsyncTrees,
  paths: Uint8Array,
  copy: () => Promise<void>,
): Promise<BytePath[]> {
  if (paths.length === 0) return []
  const findSwapped = await watchDirectories(trees.source.here, eachPath(paths))
  await copy()
  const redirected = findSwapped()
  if (redirected.size === 0) return []

  return [...eachPath(paths)].filter((path) => redirected.has(parentOf(path)))
}

/**
 * Calls `copy` for the paths from one directory on at a time, with that directory held open in both
 * trees.
 */
async function fromOpenDirectories(
  trees: RsyncTrees,
  paths: readonly BytePath[],
  directoryOf: (path: BytePath) => BytePath,
  copy: (place: RsyncTrees, names: readonly BytePath[], directory: BytePath) => Promise<void>,
): Promise<void> {
  for (const [directory, inside] of Map.groupBy(paths, directoryOf)) {
    const source = openBelow(trees.source.here, directory)
    let target: number | undefined
    try {
      target = openBelow(trees.staging.here, directory)
      if (target === undefined) continue

      const here = throughDescriptor(target)
      const names = inside.map((path) =>
        directory === '' ? path : path.slice(directory.length + 1),
      )
      // what came from elsewhere must not stay
      if (source === undefined) for (const name of names) removeEntry(`${here}/${name}`)
      else {
        const from = { cwd: forPrograms(source), here: throughDescriptor(source) }
        const to = { cwd: forPrograms(target), here }
        await copy({ ...trees, source: from, staging: to }, names, directory)
      }
    } finally {
      for (const descriptor of [source, target]) {
        if (descriptor !== undefined) closeSync(descriptor)
      }
    }
  }
}

/**
 * Makes one file of the names that are one in the source, which rsync does only for what it copies
 * at a time.
 */
function joinGroups({ source, staging }: RsyncTrees, paths: readonly BytePath[]): void {
  using from = new TreeReader(source.here)
  using to = new TreeReader(staging.here)
  const firsts = new Map<bigint, { path: BytePath; inode: bigint }>()
  for (const path of paths) {
    const stat = from.lstat(path)
    const inode = to.lstat(path)?.ino
    if (stat === undefined || stat.isDirectory() || stat.nlink === 1n || inode === undefined)
      continue

    const first = firsts.get(stat.ino)
    if (first === undefined) firsts.set(stat.ino, { path, inode })
    else if (first.inode !== inode) linkAnew(staging.here, first.path, path)
  }
}

function linkAnew(staging: string, first: BytePath, path: BytePath): void {
  using one = new TreeReader(staging)
  using other = new TreeReader(staging)
  one.at(first, (existing) =>
    other.at(path, (name) => {
      unlinkSync(systemPath(name))
      linkSync(systemPath(existing), systemPath(name))
    }),
  )
}

async function rsyncNamed(
  trees: RsyncTrees,
  paths: Uint8Array,
  options: readonly string[] = [],
  linkDestinations: readonly string[] = [],
): Promise<void> {
  await copyByDepth(trees, paths, async (place, names, directory) => {
    const {
      source,
      staging,
      leavesUnreadable = false,
      lockDescriptor,
      signal,
      onOutput,
      leftOut,
    } = place

    const list = filesFrom(names)
    const bases = linkDestinations.map(
      (base) => `--link-dest=${join(base, displayPath(directory))}`,
    )
    const named = [...list.options, '--ignore-missing-args']

    // named, because rsync would go back to a working directory by its path
    await rsync([...options, ...bases, ...named, '--', `${source.cwd}/`, `${staging.cwd}/`], {
      cwd: '/',
      isLive: true,
      leavesUnreadable,
      lockDescriptor,
      signal,
      leftOut,
      input: list.input,
      ...(onOutput === undefined ? {} : { onOutput }),
    })
  })
}

/**
 * Copies anew, and gives, those of the paths that `--link-dest` gave one inode (with `others` too)
 * where the source has several.
 */
export async function separateMergedPaths(
  trees: RsyncTrees,
  paths: Iterable<BytePath>,
  others: readonly BytePath[] = [],
): Promise<BytePath[]> {
  const all = findMergedPaths(trees.source.here, trees.staging.here, [...paths, ...others])
  // they are linked to what they are: names of their files may be anywhere
  const right = new Set(others)
  const merged = all.filter((path) => !right.has(path))
  unlinkAll(trees.staging.here, merged)
  await rsyncFiles(trees, listPaths(merged))
  return merged
}

export function unlinkAll(root: string, paths: Iterable<BytePath>): void {
  using reader = new TreeReader(root)
  for (const path of paths) reader.unlink(path)
}

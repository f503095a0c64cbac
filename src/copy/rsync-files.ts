import { closeSync, linkSync, unlinkSync } from 'node:fs'
import { type BytePath, openBelow, systemPath, throughDescriptor } from '../system/byte-path.ts'
import { filesFrom } from './files-from.ts'
import { findMergedPaths } from './link-groups.ts'
import { removeEntry } from './remove-entry.ts'
import { rsync } from './rsync-command.ts'
import { eachPath, listPaths } from './scan/path-list.ts'
import { TreeReader } from './tree-reader.ts'
import { parentOf, watchDirectories } from './watch-directories.ts'

/** Where rsync copies from and to, for one volume. */
export interface RsyncTrees {
  /** The source as a working directory for rsync, and as a path for this process. */
  source: { cwd: string; here: string }
  /** The staged volume, and a path to it through an open directory. */
  target: string
  staging: string
  lockDescriptor: number
  signal?: AbortSignal | undefined
  onOutput?: (chunk: Buffer) => void
}

/**
 * Copies the listed paths (NUL after each) and no others, but those that are gone; none of them may be in staging
 * yet, but as directories or as files of its own: rsync changes attributes in place, and those of a file
 * shared with a published snapshot would change there too.
 */
export async function rsyncFiles(
  trees: RsyncTrees,
  paths: Uint8Array,
  options: readonly string[] = [],
): Promise<void> {
  await copyWatched(trees, paths, async () => rsyncNamed(trees, paths, options))
}

/**
 * Has `copy` copy the listed paths by a program that follows links in the directories above them, and copies again from
 * open directories what it may have been led away from. Returns whether that was the case: then some may not be staged.
 */
export async function copyWatched(
  trees: RsyncTrees,
  paths: Uint8Array,
  copy: () => Promise<void>,
): Promise<boolean> {
  const again = await findLedAway(trees, paths, copy)
  if (again.length === 0) return false
  await fromOpenDirectories(trees, again, async (place, names) => {
    for (const name of names) removeEntry(`${place.staging}/${name}`)
    await rsyncNamed(place, listPaths(names), [])
  })
  joinGroups(trees, [...eachPath(paths)])
  return true
}

/** Gives the listed directories their attributes, once nothing is written into them any more; `.` is the root. */
export async function rsyncDirectories(trees: RsyncTrees, paths: Uint8Array): Promise<void> {
  // with the root its entries come along, among them files shared with other snapshots
  const directoriesOnly = ['--filter=-! */']
  const again = await findLedAway(trees, paths, async () =>
    rsyncNamed(trees, paths, directoriesOnly),
  )
  await fromOpenDirectories(trees, again, async (place, names) =>
    rsyncNamed(place, listPaths(names), directoriesOnly),
  )
}

/** Returns those of the paths that a link may have led `copy` away from. */
async function findLedAway(
  trees: RsyncTrees,
  paths: Uint8Array,
  copy: () => Promise<void>,
): Promise<BytePath[]> {
  if (paths.length === 0) return []
  const findDoubtful = await watchDirectories(trees.source.here, eachPath(paths))
  await copy()
  const doubtful = findDoubtful()
  if (doubtful.size === 0) return []
  return [...eachPath(paths)].filter((path) => doubtful.has(parentOf(path)))
}

/** Calls `copy` for the paths of one directory at a time, with that directory held open in both trees. */
async function fromOpenDirectories(
  trees: RsyncTrees,
  paths: readonly BytePath[],
  copy: (place: RsyncTrees, names: readonly BytePath[]) => Promise<void>,
): Promise<void> {
  for (const [directory, inside] of Map.groupBy(paths, parentOf)) {
    const source = openBelow(trees.source.here, directory)
    let target: number | undefined
    try {
      target = openBelow(trees.staging, directory)
      if (target === undefined) continue
      const staging = throughDescriptor(target)
      const names = inside.map((path) =>
        directory === '' ? path : path.slice(directory.length + 1),
      )
      // what came from elsewhere must not stay
      if (source === undefined) for (const name of names) removeEntry(`${staging}/${name}`)
      else {
        const from = { cwd: descriptorOfThis(source), here: throughDescriptor(source) }
        await copy({ ...trees, source: from, target: descriptorOfThis(target), staging }, names)
      }
    } finally {
      for (const descriptor of [source, target]) {
        if (descriptor !== undefined) closeSync(descriptor)
      }
    }
  }
}

/** A path to a descriptor of this process for a program that it starts. */
function descriptorOfThis(descriptor: number): string {
  return `/proc/${process.pid}/fd/${descriptor}`
}

/** Makes one file of the names that are one in the source, which rsync does only for what it copies at a time. */
function joinGroups({ source, staging }: RsyncTrees, paths: readonly BytePath[]): void {
  using from = new TreeReader(source.here)
  using to = new TreeReader(staging)
  const firsts = new Map<bigint, { path: BytePath; inode: bigint }>()
  for (const path of paths) {
    const stat = from.lstat(path)
    const inode = to.lstat(path)?.ino
    if (stat === undefined || stat.isDirectory() || stat.nlink === 1n || inode === undefined)
      continue
    const first = firsts.get(stat.ino)
    if (first === undefined) firsts.set(stat.ino, { path, inode })
    else if (first.inode !== inode) linkAnew(staging, first.path, path)
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
  { source, target, lockDescriptor, signal, onOutput }: RsyncTrees,
  names: Uint8Array,
  options: readonly string[],
): Promise<void> {
  const list = filesFrom(names)
  // named, because rsync would go back to a working directory by its path
  await rsync(
    [...options, ...list.options, '--ignore-missing-args', '--', `${source.cwd}/`, `${target}/`],
    {
      cwd: '/',
      isLive: true,
      lockDescriptor,
      signal,
      input: list.input,
      ...(onOutput === undefined ? {} : { onOutput }),
    },
  )
}

/** Copies anew what `--link-dest` gave one inode although the source has several. */
export async function separateMergedPaths(
  trees: RsyncTrees,
  paths: Iterable<BytePath>,
): Promise<void> {
  const merged = findMergedPaths(trees.source.here, trees.staging, paths)
  if (merged.length === 0) return
  unlinkAll(trees.staging, merged)
  await rsyncFiles(trees, listPaths(merged))
}

export function unlinkAll(root: string, paths: Iterable<BytePath>): void {
  using reader = new TreeReader(root)
  for (const path of paths) reader.unlink(path)
}

import type { BigIntStats } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { OperationError, throwIfInterrupted } from '../errors.ts'
import { type BytePath, displayPath, joinPath, readNames } from '../system/byte-path.ts'
import { type LinkedName, LinkedNames } from './linked-names.ts'
import { type WantedLink, linksAlong, planLinks } from './restore-links.ts'
import { PathList, eachPath } from './scan/path-list.ts'
import type { DirectoryIndex, SourceIndex } from './scan/source-index.ts'
import { TreeReader } from './tree-reader.ts'

/** Paths through open directories, and what is known of the live data. */
export interface Comparison {
  /** The volume in the snapshot that is wanted. */
  wanted: string
  live: string
  /** A snapshot of the live data, whose scan wrote `index`; undefined where there is none. */
  known: string | undefined
  index: SourceIndex | undefined
  /** Paths that are left alone. */
  except: ReadonlySet<BytePath>
  /** Whether the wanted tree has the inodes and ctimes that its source had. */
  keptInodes: boolean
  signal?: AbortSignal | undefined
}

/** What makes the live data unequal to the wanted tree. */
export interface Difference {
  /** In the live data only, or of another type there: to be removed first. */
  remove: BytePath[]
  /** Not in the live data, or removed from there. */
  create: PathList
  /** In both, and not provably equal. */
  suspects: PathList
  /** Of the suspects, those to be made anew in any case: as they are, they cannot become right. */
  anew: BytePath[]
  /** Of the others, those to be made anew if they differ: rsync would change the attributes of other names too. */
  anewIfDifferent: BytePath[]
  /** Names of link groups whose file has another name in the lists above, or is proven. */
  links: WantedLink[]
  /** Directories of the wanted tree that the live data do not have. */
  newDirectories: PathList
  /** Those that both have. */
  directories: PathList
}

/**
 * Compares a snapshot with the live data without reading contents. A live file is provably equal when it is
 * what the scan of a later snapshot saw (by inode and ctime), and that snapshot's file is the wanted one's inode.
 */
export async function compareLive(comparison: Comparison): Promise<Difference> {
  const { wanted, live, known, index, except, keptInodes, signal } = comparison
  using wantedTree = new TreeReader(wanted)
  using liveTree = new TreeReader(live)
  using knownTree = known === undefined ? undefined : new TreeReader(known)
  const difference: Difference = {
    remove: [],
    create: new PathList(),
    suspects: new PathList(),
    anew: [],
    anewIfDifferent: [],
    links: [],
    newDirectories: new PathList(),
    directories: new PathList(),
  }
  const linked = new LinkedNames()
  const severalNames: SeveralNames = { suspects: new Map(), proven: new Set() }
  const pending: { path: BytePath; isLive: boolean }[] = [{ path: '', isLive: true }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    await nextTurn()
    throwIfInterrupted(signal)
    visit(next.path, next.isLive)
  }
  return separate(difference, linked.groups(), severalNames)

  function visit(directory: BytePath, isLive: boolean): void {
    const entries = index?.directory(directory)
    const names = namesIn(wantedTree, directory) ?? snapshotChanged(directory)
    const left = new Set((isLive ? namesIn(liveTree, directory) : undefined) ?? [])
    for (const name of names) {
      left.delete(name)
      compareEntry(joinPath(directory, name), name, isLive, entries)
    }
    for (const name of left) {
      const path = joinPath(directory, name)
      if (!except.has(path)) difference.remove.push(path)
    }
  }

  function compareEntry(
    path: BytePath,
    name: BytePath,
    isLive: boolean,
    entries: DirectoryIndex | undefined,
  ): void {
    if (except.has(path)) return
    const target = wantedTree.lstat(path)
    if (target === undefined) return snapshotChanged(path)
    const there = isLive ? liveTree.lstat(path) : undefined
    if (!target.isDirectory() && target.nlink > 1n) {
      linked.add(path, target.ino, there?.isDirectory() === true ? undefined : there?.ino)
    }
    if (there !== undefined && there.isDirectory() !== target.isDirectory()) {
      difference.remove.push(path)
    }
    if (target.isDirectory()) {
      const isThere = there?.isDirectory() === true
      const list = isThere ? difference.directories : difference.newDirectories
      list.add(path)
      pending.push({ path, isLive: isThere })
    } else if (there === undefined || there.isDirectory()) {
      difference.create.add(path)
    } else if (isProven(path, name, there, target, entries)) {
      if (there.nlink > 1n) severalNames.proven.add(there.ino)
    } else {
      difference.suspects.add(path)
      if (there.nlink > 1n) severalNames.suspects.set(path, there)
    }
  }

  function isProven(
    path: BytePath,
    name: BytePath,
    there: BigIntStats,
    target: BigIntStats,
    entries: DirectoryIndex | undefined,
  ): boolean {
    if (keptInodes) return there.ino === target.ino && there.ctimeNs === target.ctimeNs
    if (entries?.matches(name, there.ino, there.ctimeNs) !== true) return false
    return knownTree?.lstat(path)?.ino === target.ino
  }
}

/** Live files of several names: the suspects by path, and the inodes of what is proven. */
interface SeveralNames {
  suspects: Map<BytePath, { ino: bigint; nlink: bigint }>
  proven: Set<bigint>
}

/** Leaves the names of link groups to links, but one of each, and keeps those apart that must not share a file. */
function separate(
  difference: Difference,
  groups: readonly LinkedName[][],
  { suspects, proven }: SeveralNames,
): Difference {
  const members = new Set(groups.flat().map(({ path }) => path))
  const suspected = new Set(
    [...eachPath(difference.suspects.bytes())].filter((path) => members.has(path)),
  )
  const links = planLinks(groups, (path) => suspected.has(path))
  const linked = new Set(links.map(({ path }) => path))
  const along = linksAlong(links)
  const anew: BytePath[] = []
  const anewIfDifferent: BytePath[] = []
  const restored = [...suspects].filter(([path]) => !linked.has(path))
  for (const [inode, sharing] of Map.groupBy(restored, ([, { ino }]) => ino)) {
    const [first = '', ...others] = sharing.map(([path]) => path)
    // one of them can have the file
    for (const path of others) anew.push(path)
    if (proven.has(inode)) anew.push(first)
    else if (hasNamesElsewhere(sharing, along)) anewIfDifferent.push(first)
  }
  return {
    ...difference,
    create: difference.create.without(linked),
    suspects: difference.suspects.without(linked),
    anew,
    anewIfDifferent,
    links,
  }
}

/** Whether their file has more names than these, and those that change along with them. */
function hasNamesElsewhere(
  sharing: readonly [BytePath, { nlink: bigint }][],
  along: ReadonlyMap<BytePath, WantedLink[]>,
): boolean {
  const names = sharing.flatMap(([path]) => [path, ...(along.get(path) ?? [])])
  return sharing.some(([, { nlink }]) => nlink !== BigInt(names.length))
}

function namesIn(reader: TreeReader, directory: BytePath): BytePath[] | undefined {
  return reader.at(joinPath(directory, '.'), readNames)
}

/** What the snapshot lacks would be deleted from the live data. */
function snapshotChanged(path: BytePath): never {
  throw new OperationError(
    `the snapshot lost ${displayPath(path)} while it was compared: nothing is removed for that; choose another snapshot`,
  )
}

import type { BigIntStats } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { OperationError, throwIfInterrupted } from '../../errors.ts'
import { type BytePath, displayPath, joinPath, readNames } from '../../tree/byte-path.ts'
import type { Excludes } from '../../tree/excludes.ts'
import type { KeptTimes } from '../../system/kept-times.ts'
import type { Knowledge } from '../index/knowledge.ts'
import { type LinkedName, LinkedNames, type WantedLink, planLinks } from './linked-names.ts'
import { looksSame } from '../index/proof.ts'
import { spareExcluded } from './spare-excluded.ts'
import { PathList, eachPath } from '../../tree/path-list.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

/** Paths through open directories, and what is known of the live data. */
export interface Comparison {
  /** The volume in the snapshot that is wanted. */
  wanted: string
  live: string
  /** What the wanted snapshot is known to have of the live data. */
  own: Knowledge | undefined
  /** The same of the newest one. */
  newest: Knowledge | undefined
  /**
   * What somebody changed in history, by the inode that is changed: the newest snapshot has it as
   * it was.
   */
  historyChanged: ReadonlyMap<BytePath, bigint>
  /** How the store keeps times. */
  times: KeptTimes
  /** Paths that are left alone. */
  except: ReadonlySet<BytePath>
  /** What is left alone as well, in both trees. */
  excludes: Excludes
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
  /** Of the suspects, those that share a file with what has to be another one. */
  anew: BytePath[]
  /** Names of link groups whose file has another name in the lists above, or is proven. */
  links: WantedLink[]
  /** Directories of the wanted tree that the live data do not have. */
  newDirectories: PathList
  /** Those that both have. */
  directories: PathList
  /**
   * The live data have what the snapshot had, and somebody changed that in the snapshot: they stay
   * as they are.
   */
  historyChanged: BytePath[]
  /** In the wanted tree, and excluded there or in the live data: they stay as they are. */
  leftAlone: BytePath[]
}

/**
 * Compares a snapshot with the live data without reading contents. A live file is provably equal
 * when the snapshot is known to have it as it is; or when the newest one is, and its file is the
 * wanted one's.
 */
export async function compareLive(comparison: Comparison): Promise<Difference> {
  const { wanted, live, own, newest, historyChanged, times, except, excludes, signal } = comparison
  using wantedTree = new TreeReader(wanted)
  using liveTree = new TreeReader(live)
  const difference: Difference = {
    remove: [],
    create: new PathList(),
    suspects: new PathList(),
    anew: [],
    links: [],
    newDirectories: new PathList(),
    directories: new PathList(),
    historyChanged: [],
    leftAlone: [],
  }
  const replaced = new Set<BytePath>()
  const linked = new LinkedNames()
  const severalNames: SeveralNames = { suspects: new Map(), proven: new Set() }
  const pending: { path: BytePath; isLive: boolean }[] = [{ path: '', isLive: true }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    await nextTurn()
    throwIfInterrupted(signal)
    visit(next.path, next.isLive)
  }
  const remove = await spareExcluded(comparison, difference.remove, (path) => {
    if (replaced.has(path)) throw holdsExcluded(path)
  })
  return separate({ ...difference, remove }, linked.groups(), severalNames)

  function visit(directory: BytePath, isLive: boolean): void {
    const names = namesIn(wantedTree, directory) ?? snapshotChanged(directory)
    const left = new Set((isLive ? namesIn(liveTree, directory) : undefined) ?? [])
    for (const name of names) {
      if (compareEntry(joinPath(directory, name), isLive)) left.delete(name)
    }
    for (const name of left) {
      const path = joinPath(directory, name)
      if (!except.has(path) && !isExcludedLive(path)) difference.remove.push(path)
    }
  }

  function isExcludedLive(path: BytePath): boolean {
    if (excludes.isEmpty) return false
    if (excludes.has(path, false)) return true
    return excludes.has(path, liveTree.lstat(path)?.isDirectory() === true)
  }

  /** False where the wanted entry is excluded: then it is as if the snapshot did not have it. */
  function compareEntry(path: BytePath, isLive: boolean): boolean {
    if (except.has(path)) return true
    const target = wantedTree.lstat(path)
    if (target === undefined) return snapshotChanged(path)
    if (excludes.has(path, target.isDirectory())) {
      difference.leftAlone.push(path)
      return false
    }
    const there = isLive ? liveTree.lstat(path) : undefined
    if (there !== undefined && excludes.has(path, there.isDirectory())) {
      difference.leftAlone.push(path)
      return true
    }
    if (!target.isDirectory() && target.nlink > 1n) {
      linked.add(path, target.ino, there?.isDirectory() === true ? undefined : there?.ino)
    }
    if (there !== undefined && there.isDirectory() !== target.isDirectory()) {
      difference.remove.push(path)
      replaced.add(path)
    }
    if (target.isDirectory()) {
      const isThere = there?.isDirectory() === true
      const list = isThere ? difference.directories : difference.newDirectories
      list.add(path)
      pending.push({ path, isLive: isThere })
    } else if (there === undefined || there.isDirectory()) {
      difference.create.add(path)
    } else if (isProven(path, there, target)) {
      if (!looksSame(there, target, times)) difference.historyChanged.push(path)
      if (there.nlink > 1n) severalNames.proven.add(there.ino)
    } else {
      difference.suspects.add(path)
      if (there.nlink > 1n) severalNames.suspects.set(path, there)
    }
    return true
  }

  /** Whether the live file is what the wanted snapshot had when it was taken. */
  function isProven(path: BytePath, there: BigIntStats, target: BigIntStats): boolean {
    if (own?.has(path, there) === true) return true
    if (own?.keptInodes === true || newest?.has(path, there) !== true) return false
    const stored = newest.tree.lstat(path)
    // snapshots of a subvolume have equal inodes for unequal files, each on a device of its own
    const isSameFile = stored?.ino === target.ino && stored.dev === target.dev
    return isSameFile || historyChanged.get(path) === target.ino
  }
}

/** Live files of several names: the suspects by path, and the inodes of what is proven. */
interface SeveralNames {
  suspects: Map<BytePath, { ino: bigint }>
  proven: Set<bigint>
}

/**
 * Leaves the names of link groups to links, but one of each, and keeps those apart that must not
 * share a file.
 */
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
  const restored = [...suspects].filter(([path]) => !linked.has(path))
  const anew = [...Map.groupBy(restored, ([, { ino }]) => ino)].flatMap(([inode, sharing]) =>
    // one of them can have the file
    sharing.slice(proven.has(inode) ? 0 : 1).map(([path]) => path),
  )
  return {
    ...difference,
    create: difference.create.without(linked),
    suspects: difference.suspects.without(linked),
    anew,
    links,
  }
}

function namesIn(reader: TreeReader, directory: BytePath): BytePath[] | undefined {
  return reader.at(joinPath(directory, '.'), readNames)
}

/** The safety snapshot does not have it, and in what comes there is no place for it. */
function holdsExcluded(path: BytePath): OperationError {
  return new OperationError(
    `nothing was changed: ${displayPath(path)} is a directory with something in it that SNAP_EXCLUDE names or nobody could read, and the snapshot has something else there;`,
    { fix: 'move that directory away, and restore again' },
  )
}

/** What the snapshot lacks would be deleted from the live data. */
function snapshotChanged(path: BytePath): never {
  throw new OperationError(
    `the snapshot lost ${displayPath(path)} while it was compared: nothing is removed for that;`,
    { fix: 'choose another snapshot' },
  )
}

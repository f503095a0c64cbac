import type { BigIntStats } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { OperationError, throwIfInterrupted } from '../../errors.ts'
import { type BytePath, displayPath, joinPath, readNames } from '../../tree/byte-path.ts'
import type { Selection } from '../../tree/selection.ts'
import type { Excludes } from '../../tree/excludes.ts'
import type { KeptTimes } from '../../system/kept-times.ts'
import type { Knowledge } from '../index/knowledge.ts'
import { type Difference, type SeveralNames, noDifference, separate } from './difference.ts'
import { LinkedNames } from './linked-names.ts'
import { looksSame } from '../index/proof.ts'
import { spareExcluded } from './spare-excluded.ts'
import { isPrivateName } from '../../tree/private-directory.ts'
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
  /** All else is left alone; undefined for nothing. */
  only: Selection | undefined
  /** Whether files stay that were changed after those of the snapshot. */
  keepsNewer: boolean
  /** Whether stays what the snapshot does not have. */
  keepsAdded: boolean
  signal?: AbortSignal | undefined
}

/**
 * Compares a snapshot with the live data without reading contents. A live file is provably equal
 * when the snapshot is known to have it as it is; or when the newest one is, and its file is the
 * wanted one's.
 */
export async function compareLive(comparison: Comparison): Promise<Difference> {
  using wantedTree = new TreeReader(comparison.wanted)
  using liveTree = new TreeReader(comparison.live)
  return await new LiveComparer(comparison, wantedTree, liveTree).compare()
}

/** A walk of the wanted tree beside the live one, a directory at a time. */
class LiveComparer {
  readonly #comparison: Comparison
  readonly #wantedTree: TreeReader
  readonly #liveTree: TreeReader
  readonly #difference = noDifference()
  /** Of another type in the live data. */
  readonly #replaced = new Set<BytePath>()
  readonly #linked = new LinkedNames()
  readonly #severalNames: SeveralNames = { toVerify: new Map(), proven: new Set() }
  /** Directories of the wanted tree that are still to be visited. */
  readonly #pending: { path: BytePath; isLive: boolean }[] = [{ path: '', isLive: true }]

  constructor(comparison: Comparison, wantedTree: TreeReader, liveTree: TreeReader) {
    this.#comparison = comparison
    this.#wantedTree = wantedTree
    this.#liveTree = liveTree
  }

  async compare(): Promise<Difference> {
    const pending = this.#pending
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      await nextTurn()
      throwIfInterrupted(this.#comparison.signal)
      this.#visit(next.path, next.isLive)
    }

    const remove = await spareExcluded(this.#comparison, this.#difference.remove, (path) => {
      if (this.#replaced.has(path)) throw holdsExcluded(path)
    })
    return separate({ ...this.#difference, remove }, this.#linked.groups(), this.#severalNames)
  }

  #visit(directory: BytePath, isLive: boolean): void {
    const names = namesIn(this.#wantedTree, directory) ?? snapshotChanged(directory)
    const left = new Set((isLive ? namesIn(this.#liveTree, directory) : undefined) ?? [])
    for (const name of names) {
      if (this.#compareEntry(joinPath(directory, name), isLive)) left.delete(name)
    }

    for (const name of left) {
      const path = joinPath(directory, name)
      this.#difference.remove.push(...this.#removableAt(path))
    }
  }

  /**
   * What goes of a live entry that the snapshot does not have: all of it, nothing, or of a directory
   * on the way to what is restored that, and the directory too where nothing is left in it.
   */
  #removableAt(path: BytePath): BytePath[] {
    const { except, only, keepsAdded } = this.#comparison
    if (except.has(path) || this.#isExcludedLive(path)) return []
    // what a restore that was killed has left is of nobody
    if (isPrivateName(path)) return [path]
    if (keepsAdded) return []
    if (only?.covers(path) !== false) return [path]
    if (!only.leadsTo(path)) return []

    const names = namesIn(this.#liveTree, path) ?? []
    const found = names.map((name) => this.#removableAt(joinPath(path, name)))
    const isAll = found.every(([first], index) => first === joinPath(path, names[index] ?? ''))
    return names.length > 0 && isAll ? [path] : found.flat()
  }

  #isExcludedLive(path: BytePath): boolean {
    const { excludes } = this.#comparison
    if (excludes.isEmpty) return false
    if (excludes.has(path, false)) return true
    return excludes.has(path, this.#liveTree.lstat(path)?.isDirectory() === true)
  }

  /** False where the wanted entry is excluded: then it is as if the snapshot did not have it. */
  #compareEntry(path: BytePath, isLive: boolean): boolean {
    const { except, excludes, only } = this.#comparison
    if (except.has(path)) return true
    if (only !== undefined && !only.covers(path) && !only.leadsTo(path)) return true

    const target = this.#wantedTree.lstat(path)
    if (target === undefined) return snapshotChanged(path)
    if (excludes.has(path, target.isDirectory())) {
      this.#difference.leftAlone.push(path)
      return false
    }

    const there = isLive ? this.#liveTree.lstat(path) : undefined
    if (there !== undefined && excludes.has(path, there.isDirectory())) {
      this.#difference.leftAlone.push(path)
      return true
    }

    if (this.#stays(path, target, there)) return true

    // a name that stays is no name of the file that is made for the others
    if (!target.isDirectory() && target.nlink > 1n) {
      this.#linked.add(path, target.ino, there?.isDirectory() === true ? undefined : there?.ino)
    }

    this.#sort(path, target, there)
    return true
  }

  /** Whether what the live data have at a path stays, whatever the snapshot has there. */
  #stays(path: BytePath, target: BigIntStats, there: BigIntStats | undefined): boolean {
    const { only, keepsNewer, keepsAdded } = this.#comparison
    const isOther = there !== undefined && there.isDirectory() !== target.isDirectory()
    if (only?.covers(path) === false) {
      if (isOther) throw inTheWay(path, target.isDirectory() ? 'live data' : 'snapshot')
      // in what is no directory nothing was chosen
      return !target.isDirectory()
    }

    // all that is in a directory would go with it, or in the place of a file come
    if (isOther && (keepsNewer || keepsAdded)) {
      this.#difference.otherType.push(path)
      return true
    }
    if (!keepsNewer || target.isDirectory() || there === undefined) return false
    return !there.isDirectory() && there.mtimeNs > target.mtimeNs
  }

  /** Puts an entry into the list of what a restore has to do with it. */
  #sort(path: BytePath, target: BigIntStats, there: BigIntStats | undefined): void {
    const difference = this.#difference
    if (there !== undefined && there.isDirectory() !== target.isDirectory()) {
      difference.remove.push(path)
      this.#replaced.add(path)
    }

    if (target.isDirectory()) {
      const isThere = there?.isDirectory() === true
      const isOnTheWay = this.#comparison.only?.covers(path) === false
      if (!isThere) difference.newDirectories.add(path)
      else if (!isOnTheWay) difference.directories.add(path)
      this.#pending.push({ path, isLive: isThere })
    } else if (there === undefined || there.isDirectory()) {
      difference.create.add(path)
    } else {
      this.#sortFile(path, target, there)
    }
  }

  /** A file that both have. */
  #sortFile(path: BytePath, target: BigIntStats, there: BigIntStats): void {
    const { toVerify, proven } = this.#severalNames
    if (this.#isProven(path, target, there)) {
      const isSame = looksSame(there, target, this.#comparison.times)
      if (!isSame) this.#difference.historyChanged.push(path)
      if (there.nlink > 1n) proven.add(there.ino)
    } else {
      this.#difference.toVerify.add(path)
      if (there.nlink > 1n) toVerify.set(path, there)
    }
  }

  /** Whether the live file is what the wanted snapshot had when it was taken. */
  #isProven(path: BytePath, target: BigIntStats, there: BigIntStats): boolean {
    const { own, newest, historyChanged } = this.#comparison
    if (own?.has(path, there) === true) return true
    if (own?.keptInodes === true || newest?.has(path, there) !== true) return false

    const stored = newest.tree.lstat(path)
    // snapshots of a subvolume have equal inodes for unequal files, each on a device of its own
    const isSameFile = stored?.ino === target.ino && stored.dev === target.dev
    return isSameFile || historyChanged.get(path) === target.ino
  }
}

function namesIn(reader: TreeReader, directory: BytePath): BytePath[] | undefined {
  return reader.at(joinPath(directory, '.'), readNames)
}

/** What is restored is in a directory that is none, in one of the two. */
export function inTheWay(path: BytePath, where: 'live data' | 'snapshot'): OperationError {
  const shown = displayPath(path)
  return new OperationError(
    `nothing was restored: ${shown} is no directory in the ${where}, and what is restored is in it;`,
    { fix: `move ${shown} away, or restore all of ${shown}, or write it elsewhere with --to` },
  )
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

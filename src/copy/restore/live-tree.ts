import { type BigIntStats, linkSync, lstatSync, readlinkSync, renameSync, rmSync } from 'node:fs'
import { errorCode } from '../../errors.ts'
import {
  type BytePath,
  joinPath,
  lstatIfThere,
  parentOf,
  readNames,
  systemPath,
} from '../../tree/byte-path.ts'
import type { KeptTimes } from '../../system/kept-times.ts'
import { hasSameContent } from '../../tree/same-content.ts'
import type { Knowledge } from '../index/knowledge.ts'
import type { PrivateDirectory } from '../../tree/private-directory.ts'
import { looksSame } from '../index/proof.ts'
import { explainRefusal, inUseAt, went } from './refusal.ts'
import { removeEntry } from '../../tree/remove-entry.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

export interface LiveTreeOptions {
  live: string
  room: PrivateDirectory
  /** The tree of a snapshot of the live data, and what is known of it. */
  safety: string | undefined
  known: Knowledge | undefined
  /** What did not change since then (ns) is deleted, whether that snapshot has it or not. */
  discardBefore?: bigint | undefined
  times: KeptTimes
  /** Paths that are left alone. */
  except: ReadonlySet<BytePath>
}

/**
 * Puts entries that were made whole in a private directory into live data, and takes others out,
 * each by one rename: a crash leaves the old entry or the new one. What is replaced comes into the
 * private directory first. There it is held against the safety snapshot, and is deleted where that
 * has it; what changed since is kept aside. Without one, what changed since the restore began is.
 */
export class LiveTree implements Disposable {
  /** Directories in which names came or went, which moves their times. */
  readonly touched = new Set<BytePath>()
  readonly #options: LiveTreeOptions
  readonly #readers = new DisposableStack()
  readonly #live: TreeReader
  readonly #made: TreeReader
  readonly #safety: TreeReader | undefined
  readonly #old: BytePath
  /** What was replaced, in the private directory, and where it was. */
  readonly #doubtful = new Map<BytePath, BytePath>()
  /** Files with several names, of which one was deleted although nobody has it. */
  readonly #discarded = new Set<bigint>()
  #count = 0
  readonly #kept: BytePath[] = []

  constructor(options: LiveTreeOptions) {
    this.#options = options
    const { live, room, safety } = options
    this.#live = this.#readers.use(new TreeReader(live))
    this.#made = this.#readers.use(new TreeReader(`${room.here}/made`))
    this.#safety = safety === undefined ? undefined : this.#readers.use(new TreeReader(safety))
    this.#old = `${room.here}/old`
  }

  /** Puts what was made for `path` into its place. */
  place(path: BytePath): void {
    const isDone = explainRefusal(path, () =>
      this.#made.at(path, (made) =>
        this.#live.at(path, (target) => {
          this.#exchange(path, made, target)
          return true
        }),
      ),
    )
    if (isDone !== true) throw went(path)

    this.touched.add(parentOf(path))
  }

  /**
   * Takes out what is at `path`, a directory with all that is in it; what is left alone stays, and
   * what is above it.
   */
  remove(path: BytePath): void {
    const { except } = this.#options
    if (except.has(path)) return

    this.touched.add(parentOf(path))
    if (this.#isKeptIn(path)) {
      for (const name of this.#live.at(joinPath(path, '.'), readNames) ?? []) {
        this.remove(joinPath(path, name))
      }
      return
    }

    explainRefusal(path, () =>
      this.#live.at(path, (target) => {
        const before = lstatSync(systemPath(target), { bigint: true })
        renameSync(systemPath(target), this.#old)
        this.#settle(path, before)
      }),
    )
  }

  /**
   * Deletes what was replaced and is not known to be in the safety snapshot where that has it all
   * the same; keeps the rest.
   */
  async settle(): Promise<void> {
    for (const [entry, path] of this.#doubtful) {
      if (await this.#isStored(path, entry)) removeEntry(entry)
      else this.#keep(path, entry)
      this.#doubtful.delete(entry)
    }
  }

  /**
   * Gives what was kept aside a place in the live data, and tells where, and of which paths;
   * undefined when there is nothing. To be called whatever happened: where that fails, the private
   * directory stays with what is in it.
   */
  release(): { directory: string; paths: BytePath[] } | undefined {
    const { live, room } = this.#options
    try {
      if (lstatIfThere(this.#old) !== undefined) room.leave()
      for (const [entry, path] of this.#doubtful) this.#keep(path, entry)
      if (this.#kept.length === 0) return undefined

      const directory = `.snap-volume.kept.${room.id}`
      renameSync(`${room.here}/kept`, `${live}/${directory}`)
      this.touched.add('')
      return { directory, paths: this.#kept }
    } catch (error) {
      room.leave()
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#readers.dispose()
  }

  #isKeptIn(directory: BytePath): boolean {
    return [...this.#options.except].some((kept) => kept.startsWith(`${directory}/`))
  }

  #exchange(path: BytePath, made: BytePath, target: BytePath): void {
    const before = lstatIfThere(target)
    const isDirectory = lstatIfThere(made)?.isDirectory() === true
    if (before !== undefined && (before.isDirectory() || isDirectory)) {
      // somebody made it since it was planned, or something is mounted in it
      if (this.#isKeptIn(path)) throw inUseAt(path)
      renameSync(systemPath(target), this.#old)
      this.#settle(path, before)
      renameSync(systemPath(made), systemPath(target))
    } else if (before === undefined) renameSync(systemPath(made), systemPath(target))
    else {
      this.#setAside(made, target)
      this.#settle(path, before)
    }
  }

  /**
   * Puts the new entry into the place of the old one, which keeps a name in the private directory.
   */
  #setAside(made: BytePath, target: BytePath): void {
    try {
      linkSync(systemPath(target), this.#old)
    } catch (error) {
      if (!['EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP'].includes(errorCode(error) ?? ''))
        throw error
      // no hard links, or no more: it is away for a moment
      renameSync(systemPath(target), this.#old)
    }
    try {
      renameSync(systemPath(made), systemPath(target))
    } catch (error) {
      if (lstatIfThere(target) === undefined) renameSync(this.#old, systemPath(target))
      else rmSync(this.#old, { force: true })
      throw error
    }
  }

  /**
   * Deletes what was replaced, where the safety snapshot is known to have it; `before` is what it
   * was a moment before it was taken away.
   */
  #settle(path: BytePath, before: BigIntStats): void {
    const after = lstatIfThere(this.#old)
    if (after === undefined) return
    if (after.isDirectory()) this.#settleInside(path)
    else if (!this.#isProven(path, before, after)) this.#doubt(path, this.#old)
    removeEntry(this.#old)
  }

  #settleInside(top: BytePath): void {
    using room = new TreeReader(this.#options.room.here)
    // what is mounted there moved along
    const device = room.lstat('old')?.dev
    const pending = ['']
    for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
      const directory = room.enter(below === '' ? 'old' : `old/${below}`)
      for (const name of directory === undefined ? [] : readNames(directory)) {
        const entry = `${directory}/${name}`
        const path = joinPath(top, joinPath(below, name))
        const stat = lstatIfThere(entry)
        if (stat === undefined || stat.dev !== device) continue
        if (stat.isDirectory()) pending.push(joinPath(below, name))
        else if (!this.#isProven(path, stat, stat)) this.#doubt(path, entry)
      }
    }
  }

  /**
   * Whether the safety snapshot is known to have it, or nobody wants it: what takes it away moves
   * its ctime, and nothing else that shows.
   */
  #isProven(path: BytePath, before: BigIntStats, after: BigIntStats): boolean {
    const { known, discardBefore = -1n } = this.#options
    const isSame =
      before.ino === after.ino && before.size === after.size && before.mtimeNs === after.mtimeNs
    if (!isSame || discardBefore === -1n) return isSame && known?.has(path, before) === true

    // one of its names was taken out, which moved its ctime
    const isOurs = this.#discarded.has(before.ino) && before.mtimeNs <= discardBefore
    if (!isOurs && before.ctimeNs > discardBefore) return known?.has(path, before) === true

    if (before.nlink > 1n) this.#discarded.add(before.ino)
    return true
  }

  #doubt(path: BytePath, entry: BytePath): void {
    const doubtful = `${this.#options.room.here}/doubtful.${(this.#count += 1)}`
    renameSync(systemPath(entry), doubtful)
    this.#doubtful.set(doubtful, path)
  }

  /** Compares it with what the safety snapshot has. */
  async #isStored(path: BytePath, entry: BytePath): Promise<boolean> {
    const stat = lstatIfThere(entry)
    const compare = (stored: BytePath): boolean | Promise<boolean> => {
      const there = lstatIfThere(stored)
      if (stat === undefined || there === undefined) return false
      if (!looksSame(stat, there, this.#options.times)) return false
      if (stat.isSymbolicLink()) return readlink(stored).equals(readlink(entry))
      return !stat.isFile() || hasSameContent(stored, entry)
    }

    return (await this.#safety?.at(path, compare)) === true
  }

  #keep(path: BytePath, entry: BytePath): void {
    const { room } = this.#options
    using kept = new TreeReader(room.here)
    kept.makeDirectories(parentOf(`kept/${path}`))

    const isKept = kept.at(`kept/${path}`, (target) => {
      renameSync(systemPath(entry), systemPath(target))
      return true
    })
    if (isKept !== true) throw went(path)

    this.#kept.push(path)
  }
}

function readlink(path: BytePath): Buffer {
  return readlinkSync(systemPath(path), { encoding: 'buffer' })
}

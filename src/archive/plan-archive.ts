import type { ListedEntry } from '../diff/list-tree.ts'
import type { Attributes } from '../diff/read-attributes.ts'
import { type BytePath, parentOf } from '../tree/byte-path.ts'
import { type Listing, isKept } from './list-digest.ts'

/** A tree, with the attributes of its directories. */
export interface PlannedTree {
  entries: Listing
  attributes: ReadonlyMap<BytePath, Attributes>
  /** Equal for two entries that are one file. */
  identityOf: (entry: ListedEntry) => string
}

/** What an archive holds, so that its base and it together make a tree. */
export interface ArchivePlan {
  /** The members, parents first; the root is the empty path. */
  included: BytePath[]
  /** What the base has and the tree has not, or has anew; without what is in one of them. */
  deleted: BytePath[]
  /** Files of the base under another name. */
  linked: { path: BytePath; base: BytePath }[]
  /** Files that have another content than in the base, and are large. */
  large: BytePath[]
  /** Directories that have fewer attributes than in the base. */
  remade: BytePath[]
  /** Sockets of the base that are none any more; no archive has any. */
  sockets: BytePath[]
  /** Further names of pipes and devices, each with the one that tar keeps. */
  aliases: { path: BytePath; first: BytePath }[]
}

export const emptyTree: PlannedTree = {
  entries: new Map(),
  attributes: new Map(),
  identityOf: ({ inode }) => inode,
}

/**
 * Plans the archive of a tree since a base. Every file is known by its identity: one that the base
 * has is taken from there with all its names, and of any other one all names are members, so that
 * tar keeps them together. Each directory that something came into or went from is a member too,
 * with all above it: its time is set last, and nothing is written behind a link.
 */
export function planArchive(
  before: PlannedTree,
  after: PlannedTree,
  isLarge: (path: BytePath, before: ListedEntry, after: ListedEntry) => boolean,
): ArchivePlan {
  const plan = new Planning(before, after)
  for (const [path, entry] of after.entries) {
    if (entry.type === 'd') plan.addDirectory(path, entry)
    else if (isKept(entry)) plan.addFile(path, entry, isLarge)
  }
  for (const [path, entry] of before.entries) plan.addMissing(path, entry)
  return plan.finish()
}

class Planning {
  readonly #before: PlannedTree
  readonly #after: PlannedTree
  /** The first path of each file of the base. */
  readonly #known = new Map<string, BytePath>()
  readonly #included = new Set<BytePath>()
  readonly #replaced = new Set<BytePath>()
  readonly #plan: Omit<ArchivePlan, 'included'> = {
    deleted: [],
    linked: [],
    large: [],
    remade: [],
    sockets: [],
    aliases: [],
  }
  /** The member of each pipe and device. */
  readonly #specials = new Map<string, BytePath>()

  constructor(before: PlannedTree, after: PlannedTree) {
    this.#before = before
    this.#after = after
    for (const [path, entry] of before.entries) {
      if (entry.type === 'd' || !isKept(entry)) continue
      const identity = before.identityOf(entry)
      if (!this.#known.has(identity)) this.#known.set(identity, path)
    }
  }

  addDirectory(path: BytePath, entry: ListedEntry): void {
    const other = this.#before.entries.get(path)
    if (other?.type !== 'd') {
      this.#include(path)
      return
    }

    const [had, has] = [this.#before, this.#after].map(({ attributes }) => attributes.get(path))
    const isSame = (['mode', 'owner', 'mtime'] as const).every((key) => entry[key] === other[key])
    const keepsAttributes = had?.acl === has?.acl && had?.xattrs === has?.xattrs
    if (!isSame || !keepsAttributes) this.#include(path)
    // tar adds what is missing, and takes nothing away
    if (!keepsAttributes && had !== undefined) this.#plan.remade.push(path)
  }

  addFile(
    path: BytePath,
    entry: ListedEntry,
    isLarge: (path: BytePath, before: ListedEntry, after: ListedEntry) => boolean,
  ): void {
    const other = this.#before.entries.get(path)
    const identity = this.#after.identityOf(entry)
    const base = this.#known.get(identity)
    if (base !== undefined) {
      const isUnchanged = other !== undefined && this.#before.identityOf(other) === identity
      if (isUnchanged) return
      this.#plan.linked.push({ path, base })
      this.#replace(path)
      return
    }

    if (other?.type === 'f' && entry.type === 'f' && isLarge(path, other, entry)) {
      this.#plan.large.push(path)
      this.#includeAbove(path)
      return
    }

    this.#replace(path)
    const first = isSpecial(entry) ? this.#specials.get(identity) : undefined
    if (first !== undefined) this.#plan.aliases.push({ path, first })
    else this.#include(path)
    if (isSpecial(entry) && first === undefined) this.#specials.set(identity, path)
  }

  addMissing(path: BytePath, entry: ListedEntry): void {
    const other = this.#after.entries.get(path)
    if (!isKept(entry)) {
      if (other?.type === entry.type) return
      this.#plan.sockets.push(path)
      this.#includeAbove(path)
      return
    }

    const isGone = other === undefined || !isKept(other)
    const isOtherKind = (entry.type === 'd') !== (other?.type === 'd')
    if (!isGone && !isOtherKind && !this.#replaced.has(path)) return
    // a directory goes with all that is in it
    if (path !== '' && this.#isInGone(path)) return
    this.#plan.deleted.push(path)
    this.#includeAbove(path)
  }

  finish(): ArchivePlan {
    const included = [...this.#after.entries.keys()].filter((path) => this.#included.has(path))
    return { included, ...this.#plan }
  }

  #isInGone(path: BytePath): boolean {
    const parent = parentOf(path)
    return this.#after.entries.get(parent)?.type !== 'd'
  }

  #replace(path: BytePath): void {
    this.#replaced.add(path)
    this.#includeAbove(path)
  }

  #include(path: BytePath): void {
    this.#included.add(path)
    if (path !== '') this.#includeAbove(path)
  }

  #includeAbove(path: BytePath): void {
    for (let above = parentOf(path); ; above = parentOf(above)) {
      // sooner or later one is there, and then all above it are
      if (this.#after.entries.get(above)?.type === 'd') {
        if (this.#included.has(above)) return
        this.#included.add(above)
      }
      if (above === '') return
    }
  }
}

/** Pipes and devices. */
export function isSpecial({ type }: ListedEntry): boolean {
  return type === 'p' || type === 'b' || type === 'c'
}

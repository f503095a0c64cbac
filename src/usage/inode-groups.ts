import type { WalkedInodes } from './walk-inodes.ts'

/** A snapshot that was walked; the id tells it from another one of the same name. */
export interface WalkedSnapshot {
  name: string
  id: string
}

/** All inodes that the same snapshots have. */
export interface InodeGroup {
  /**
   * Their places in the list of snapshots, as ranges: from and to of each, one after another, `to`
   * included. Most files stay for some time, so most groups are one range.
   */
  members: readonly number[]
  bytes: number
  inodes: number
}

/** What a file of the cache holds, beside the inodes themselves. */
export interface GroupedSnapshots {
  snapshots: readonly WalkedSnapshot[]
  groups: readonly InodeGroup[]
}

/**
 * Which snapshots have an inode, for all inodes of a store. Snapshots share most of theirs, so
 * there are few groups, and the room that comes back with any set of snapshots is the sum of the
 * groups that lie in it.
 */
export class InodeGroups {
  #snapshots: WalkedSnapshot[]
  #members: number[][]
  /** Where each inode is in the columns. */
  readonly #places = new Map<number, number>()
  readonly #inodes: number[] = []
  readonly #bytes: number[] = []
  readonly #groups: number[] = []

  constructor(
    { snapshots, groups }: GroupedSnapshots = { snapshots: [], groups: [] },
    columns: { inodes: Float64Array; bytes: Float64Array; groups: Uint32Array } = noColumns,
  ) {
    this.#snapshots = [...snapshots]
    this.#members = groups.map(({ members }) => [...members])
    for (const [place, inode] of columns.inodes.entries()) {
      this.#append(inode, columns.bytes[place] ?? 0, columns.groups[place] ?? 0)
    }
  }

  get snapshots(): readonly WalkedSnapshot[] {
    return this.#snapshots
  }

  /** Adds the inodes of a snapshot that is not among them yet. */
  add(snapshot: WalkedSnapshot, trees: readonly WalkedInodes[]): void {
    const member = this.#snapshots.push(snapshot) - 1
    const alone = this.#members.push([member, member]) - 1
    const extended = new Map<number, number>()
    const withMember = (group: number): number => {
      const known = extended.get(group)
      if (known !== undefined) return known
      const made = this.#members.push(withOneMore(this.#members[group] ?? [], member)) - 1
      extended.set(group, made).set(made, made)
      return made
    }

    extended.set(alone, alone)
    for (const { inodes, bytes } of trees) {
      for (const [at, inode] of inodes.entries()) {
        const place = this.#places.get(inode)
        if (place === undefined) this.#append(inode, bytes[at] ?? 0, alone)
        else this.#groups[place] = withMember(this.#groups[place] ?? 0)
      }
    }
  }

  /** Forgets the snapshots that are not there any more, and the inodes that only they had. */
  keepOnly(isThere: (snapshot: WalkedSnapshot) => boolean): void {
    const places = new Map<number, number>()
    const left = this.#snapshots.filter((snapshot, at) => {
      const stays = isThere(snapshot)
      if (stays) places.set(at, places.size)
      return stays
    })
    if (left.length === this.#snapshots.length) return

    this.#snapshots = left
    this.#members = this.#members.map((members) =>
      eachMember(members)
        .flatMap((member) => places.get(member) ?? [])
        .reduce(withOneMore, []),
    )
    for (const [inode, place] of this.#places) {
      const members = this.#members[this.#groups[place] ?? 0] ?? []
      if (members.length === 0) this.#places.delete(inode)
    }
  }

  /** The sums, and the columns to be read again; groups of the same members become one. */
  summarize(): GroupedSnapshots & { columns: Columns } {
    const groups: { members: number[]; bytes: number; inodes: number }[] = []
    const byMembers = new Map<string, number>()
    const renumbered = new Map<number, number>()
    const columns = {
      inodes: new Float64Array(this.#places.size),
      bytes: new Float64Array(this.#places.size),
      groups: new Uint32Array(this.#places.size),
    }

    const groupOf = (old: number): number => {
      const known = renumbered.get(old)
      if (known !== undefined) return known
      const members = this.#members[old] ?? []
      const key = members.join()
      const group = byMembers.get(key) ?? groups.push({ members, bytes: 0, inodes: 0 }) - 1
      byMembers.set(key, group)
      renumbered.set(old, group)
      return group
    }

    let at = 0
    for (const [inode, place] of this.#places) {
      const group = groupOf(this.#groups[place] ?? 0)
      const bytes = this.#bytes[place] ?? 0
      const sums = groups[group]
      if (sums !== undefined) {
        sums.bytes += bytes
        sums.inodes += 1
      }
      columns.inodes[at] = inode
      columns.bytes[at] = bytes
      columns.groups[at] = group
      at += 1
    }

    return { snapshots: this.#snapshots, groups, columns }
  }

  #append(inode: number, bytes: number, group: number): void {
    this.#places.set(inode, this.#inodes.push(inode) - 1)
    this.#bytes.push(bytes)
    this.#groups.push(group)
  }
}

/** One row an inode. */
export interface Columns {
  inodes: Float64Array
  bytes: Float64Array
  groups: Uint32Array
}

const noColumns: Columns = {
  inodes: new Float64Array(),
  bytes: new Float64Array(),
  groups: new Uint32Array(),
}

/** What goes with all of `names`: an inode is freed when all snapshots that have it go. */
export function freedWith(
  { snapshots, groups }: GroupedSnapshots,
  names: ReadonlySet<string>,
): { bytes: number; inodes: number } {
  const freed = { bytes: 0, inodes: 0 }
  for (const { members, bytes, inodes } of groups) {
    if (!eachMember(members).every((member) => names.has(snapshots[member]?.name ?? ''))) continue
    freed.bytes += bytes
    freed.inodes += inodes
  }
  return freed
}

/** The ranges with one more member, which comes after all others. */
function withOneMore(ranges: readonly number[], member: number): number[] {
  if (ranges.at(-1) === member - 1) return [...ranges.slice(0, -1), member]
  return [...ranges, member, member]
}

function eachMember(ranges: readonly number[]): number[] {
  const members: number[] = []
  for (let at = 0; at + 1 < ranges.length; at += 2) {
    for (let member = ranges[at] ?? 0; member <= (ranges[at + 1] ?? -1); member += 1) {
      members.push(member)
    }
  }
  return members
}

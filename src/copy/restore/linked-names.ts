import type { BytePath } from '../../tree/byte-path.ts'
import { PathList, eachPath } from '../../tree/path-list.ts'

/** One of several names of a file in a wanted tree. */
export interface LinkedName {
  path: BytePath
  /** The inode that the live data have there; undefined where they have nothing, or a directory. */
  live: bigint | undefined
}

/** In the place of a live inode; none has this number. */
const nothing = 0n

/**
 * Finds the link groups of a tree of which nearly every file has names elsewhere too, as in a
 * snapshot: in little more memory than the paths take, because most are alone in their tree.
 */
export class LinkedNames {
  readonly #paths = new PathList()
  /** By turns the inode in the wanted tree and the one in the live data. */
  #inodes = new BigUint64Array(2048)

  add(path: BytePath, wanted: bigint, live: bigint | undefined): void {
    const index = 2 * this.#paths.count
    if (index === this.#inodes.length) {
      const larger = new BigUint64Array(2 * index)
      larger.set(this.#inodes)
      this.#inodes = larger
    }

    this.#inodes[index] = wanted
    this.#inodes[index + 1] = live ?? nothing
    this.#paths.add(path)
  }

  /** The names of each file that has several, in the order in which they came. */
  groups(): LinkedName[][] {
    const groups = new Map(this.#repeated().map((inode) => [inode, new Array<LinkedName>()]))
    if (groups.size === 0) return []

    let index = 0
    for (const path of eachPath(this.#paths.bytes())) {
      const [wanted = nothing, live = nothing] = this.#inodes.subarray(index, index + 2)
      groups.get(wanted)?.push({ path, live: live === nothing ? undefined : live })
      index += 2
    }

    return [...groups.values()]
  }

  #repeated(): bigint[] {
    const sorted = new BigUint64Array(this.#paths.count)
    for (let index = 0; index < sorted.length; index += 1) {
      sorted[index] = this.#inodes[2 * index] ?? nothing
    }

    sorted.sort()
    return Array.from(sorted.filter((number, index) => index > 0 && number === sorted[index - 1]))
  }
}

/** A name that is to be one of the file which `first` is a name of. */
export interface WantedLink {
  path: BytePath
  first: BytePath
  /** What the live data have there: nothing, another file, or that of `first` already. */
  there: 'nothing' | 'another' | 'first'
}

/**
 * Of each link group of a wanted tree one name is compared like any other file: one that is proven,
 * which costs no reading, else one that is there. The others are right when they are names of its
 * file.
 */
export function planLinks(
  groups: readonly LinkedName[][],
  isSuspect: (path: BytePath) => boolean,
): WantedLink[] {
  const links: WantedLink[] = []
  for (const names of groups) {
    const first =
      names.find((name) => isThere(name) && !isSuspect(name.path)) ??
      names.find(isThere) ??
      names[0]
    for (const name of names) {
      if (first === undefined || name === first) continue
      const there = !isThere(name) ? 'nothing' : name.live === first.live ? 'first' : 'another'
      links.push({ path: name.path, first: first.path, there })
    }
  }

  return links
}

function isThere({ live }: LinkedName): boolean {
  return live !== undefined
}

import type { BytePath } from '../system/byte-path.ts'
import { PathList, eachPath } from './scan/path-list.ts'

/**
 * Finds the link groups of a tree of which nearly every file has names elsewhere too, as in a snapshot: in as little memory as
 * the paths take, because most are alone in their tree.
 */
export class LinkedNames {
  readonly #paths = new PathList()
  readonly #inodes: bigint[] = []

  add(path: BytePath, inode: bigint): void {
    this.#paths.add(path)
    this.#inodes.push(inode)
  }

  /** The paths of each file that has several. */
  groups(): BytePath[][] {
    const groups = new Map(repeated(this.#inodes).map((inode) => [inode, new Array<BytePath>()]))
    if (groups.size === 0) return []
    let index = 0
    for (const path of eachPath(this.#paths.bytes())) {
      groups.get(this.#inodes[index] ?? 0n)?.push(path)
      index += 1
    }
    return [...groups.values()]
  }
}

function repeated(numbers: readonly bigint[]): bigint[] {
  const sorted = BigUint64Array.from(numbers).toSorted()
  return Array.from(sorted.filter((number, index) => index > 0 && number === sorted[index - 1]))
}

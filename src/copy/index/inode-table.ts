import type { BytePath } from '../../tree/byte-path.ts'
import { entryHeaderBytes } from './format.ts'

type Ranges = ReadonlyMap<BytePath, { start: number; end: number }>

/**
 * Finds the entries of an index by their inodes: a hash table of positions in the index, so that a
 * million entries take eight megabytes, made when something is looked for that is not under its
 * path.
 */
export class InodeTable {
  readonly #numbers: DataView
  /** 0 where a slot is free: no entry is at the beginning of the file. */
  readonly #slots: Uint32Array
  readonly #starts: Float64Array
  readonly #paths: readonly BytePath[]

  constructor(numbers: DataView, directories: Ranges) {
    this.#numbers = numbers
    const ranges = [...directories.entries()].toSorted(
      ([, one], [, other]) => one.start - other.start,
    )
    this.#paths = ranges.map(([path]) => path)
    this.#starts = Float64Array.from(ranges, ([, { start }]) => start)

    let count = 0
    for (const position of this.#entries(ranges)) if (position > 0) count += 1
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(2 * count + 2)))
    for (const position of this.#entries(ranges)) this.#slots[this.#freeSlot(position)] = position
  }

  find(inode: bigint): { position: number; directory: BytePath } | undefined {
    const mask = this.#slots.length - 1
    for (let slot = hash(inode) & mask; ; slot = (slot + 1) & mask) {
      const position = this.#slots[slot] ?? 0
      if (position === 0) return undefined
      if (this.#numbers.getBigUint64(position, true) !== inode) continue
      return { position, directory: this.#directoryAt(position) }
    }
  }

  /** Of all but the directories themselves. */
  *#entries(ranges: readonly [BytePath, { start: number; end: number }][]): Generator<number> {
    for (const [, { start, end }] of ranges) {
      for (let at = start; at < end; at = this.#after(at)) if (!this.#isDirectory(at)) yield at
    }
  }

  /** Its name is a dot. */
  #isDirectory(position: number): boolean {
    const [length, first] = [position + 32, position + entryHeaderBytes]
    return this.#numbers.getUint16(length, true) === 1 && this.#numbers.getUint8(first) === 0x2e
  }

  #after(position: number): number {
    return position + entryHeaderBytes + this.#numbers.getUint16(position + 32, true)
  }

  #freeSlot(position: number): number {
    const mask = this.#slots.length - 1
    let slot = hash(this.#numbers.getBigUint64(position, true)) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    return slot
  }

  #directoryAt(position: number): BytePath {
    let [low, high] = [0, this.#starts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#starts[middle] ?? 0) <= position) low = middle
      else high = middle - 1
    }
    return this.#paths[low] ?? ''
  }
}

/** Inodes follow one another, or come in steps. */
function hash(inode: bigint): number {
  const mixed = Math.imul(Number(BigInt.asUintN(32, inode)), 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

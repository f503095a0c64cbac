import type { BigIntStats } from 'node:fs'
import type { BytePath } from '../../tree/byte-path.ts'
import { PathList, eachPath, listPaths } from '../../tree/path-list.ts'

/** Paths with what was seen of each; the numbers are in pairs, inode and ctime. */
export interface CopyList {
  paths: Uint8Array
  seen: BigInt64Array
  /** How many of them are regular files, and the apparent size of these. */
  files: number
  bytes: number
  /** What they take on their disk. */
  allocatedBytes: number
}

const noFiles = { files: 0, bytes: 0, allocatedBytes: 0 }
/** Collects a list entry by entry. */
export class CopyListBuilder {
  readonly #paths = new PathList()
  readonly #seen: bigint[] = []
  #files = 0
  #bytes = 0
  #allocatedBytes = 0

  add(path: BytePath, stat: BigIntStats | undefined): void {
    this.#paths.add(path)
    this.#seen.push(stat?.ino ?? 0n, stat?.ctimeNs ?? 0n)
    if (stat?.isFile() !== true) return

    this.#files += 1
    this.#bytes += Number(stat.size)
    this.#allocatedBytes += allocatedBytes(stat)
  }

  build(): CopyList {
    return {
      paths: exactly(this.#paths),
      seen: BigInt64Array.from(this.#seen),
      files: this.#files,
      bytes: this.#bytes,
      allocatedBytes: this.#allocatedBytes,
    }
  }
}

export function joinLists(lists: readonly CopyList[]): CopyList {
  const seen = new BigInt64Array(lists.reduce((total, list) => total + list.seen.length, 0))
  let position = 0
  for (const list of lists) {
    seen.set(list.seen, position)
    position += list.seen.length
  }

  const paths = Buffer.concat(lists.map((list) => list.paths))
  return { paths, seen, ...sum(noFiles, lists) }
}

/** What was seen of a path before it was copied; zeros where nothing was. */
export interface SeenPath {
  path: BytePath
  inode: bigint
  ctimeNs: bigint
}

/** A list of which nobody counts the files. */
export function listSeen(entries: readonly SeenPath[]): CopyList {
  const seen = BigInt64Array.from(entries.flatMap(({ inode, ctimeNs }) => [inode, ctimeNs]))
  return { paths: listPaths(entries.map(({ path }) => path)), seen, ...noFiles }
}

export function* eachSeen({ paths, seen }: CopyList): Generator<SeenPath> {
  let at = 0
  for (const path of eachPath(paths)) {
    yield { path, inode: BigInt.asUintN(64, seen[at] ?? 0n), ctimeNs: seen[at + 1] ?? 0n }
    at += 2
  }
}

/** The sums of what all parts have, by name. */
export function sum<T extends Record<string, number>>(
  nothing: T,
  parts: readonly Readonly<T>[],
): T {
  const keys = Object.keys(nothing)
  const total = keys.map((key) => parts.reduce((before, part) => before + (part[key] ?? 0), 0))
  return Object.fromEntries(keys.map((key, index) => [key, total[index]])) as T
}

/** stat(2) counts blocks of 512 bytes, whatever the filesystem has. */
export function allocatedBytes({ blocks }: BigIntStats): number {
  return Number(blocks) * 512
}

/**
 * In a buffer of its own: what crosses threads takes all of the buffer along that it is a part of.
 */
export function exactly(list: { bytes(): Uint8Array }): Uint8Array {
  return new Uint8Array(list.bytes())
}

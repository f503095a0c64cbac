import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { bootId } from '../../system/boot.ts'
import type { BytePath } from '../../system/byte-path.ts'
import { parentOf } from '../watch-directories.ts'
import {
  blockHeaderBytes,
  blocksStart,
  bootIdBytes,
  chainIdBytes,
  chainStart,
  entryHeaderBytes,
  magic,
  neverMatches,
  numbersIn,
} from './index-format.ts'

/** Where a snapshot is in a row of snapshots of which each is the base of the next. */
export interface Generation {
  /** Hexadecimal; another one for each row. It begins with the id of the boot that the row is of. */
  chain: string
  number: number
}

export function firstGeneration(): Generation {
  const chain = bootId() + randomBytes(chainIdBytes - bootIdBytes).toString('hex')
  return { chain, number: 1 }
}

/**
 * A power cut takes back a ctime of which the content is on the disk: fdatasync(2) writes no times. So no ctime from before the
 * kernel was started proves anything.
 */
export function isOfThisBoot({ chain }: Generation): boolean {
  return chain.startsWith(bootId())
}

/** The generation whose base is the one that `index` was written for. */
export function generationAfter(index: Buffer): Generation {
  const { chain, number } = readGeneration(index)
  return { chain, number: number + 1 }
}

/** Of a whole index, whose directories are not looked at. */
export function readGeneration(content: Buffer): Generation {
  return {
    chain: content.toString('hex', chainStart, chainStart + chainIdBytes),
    number: content.readUInt32LE(chainStart + chainIdBytes),
  }
}

/** The content of an index file; the blocks may come from several workers. */
export function formatIndex({ chain, number }: Generation, blocks: readonly Uint8Array[]): Buffer {
  const generation = Buffer.alloc(chainIdBytes + 4)
  generation.write(chain, 'hex')
  generation.writeUInt32LE(number, chainIdBytes)
  const sum = Buffer.alloc(4)
  sum.writeUInt32LE([generation, ...blocks].reduce((before, block) => crc32(block, before), 0))
  return Buffer.concat([magic, sum, generation, ...blocks])
}

/** Makes it an index in which nothing matches these paths, nor the directories they are in. */
export function disprovePaths(index: Buffer, paths: readonly BytePath[]): void {
  if (paths.length === 0) return
  const known = new SourceIndex(index)
  for (const [parent, inside] of Map.groupBy(paths, parentOf)) {
    const directory = known.directory(parent)
    directory.disprove('.')
    for (const path of inside) {
      directory.disprove(parent === '' ? path : path.slice(parent.length + 1))
      known.directory(path).disprove('.')
    }
  }
  index.writeUInt32LE(crc32(index.subarray(chainStart)), magic.length)
}

/** The same index without some of the directories. */
export function leaveOut(index: Buffer, isOut: (directory: BytePath) => boolean): Buffer {
  const known = new SourceIndex(index)
  const kept = [...known.directories()].filter((path) => !isOut(path))
  return formatIndex(
    known.generation,
    kept.map((path) => known.block(path)),
  )
}

/** What a scan saw of one entry. */
export interface IndexEntry {
  inode: bigint
  ctimeNs: bigint
  /** The number of the generation since which it is the same. */
  since: number
}

/**
 * What a scan saw of the source: for each directory, its own inode and ctime (under the name `.`), and those of every
 * entry that is not a directory. The next scan takes an entry as unchanged when both are the same under the same path: whatever
 * changes content, mode, owner, ACL, xattrs or the name itself gives the inode a new ctime, and a directory that
 * was moved brings other inodes to the path. A young ctime (young-ctimes.ts) is written as 0, which matches nothing.
 *
 * Each entry also has the generation since which it was the same, so that two snapshots of one chain are known
 * to have one inode for it without a look.
 */
export class SourceIndex {
  readonly #buffer: Buffer
  readonly #numbers: DataView
  readonly #directories = new Map<BytePath, { start: number; end: number }>()
  readonly generation: Generation

  /** Throws Error when `content` is not a whole index. */
  constructor(content: Buffer) {
    this.#buffer = content
    this.#numbers = numbersIn(content)
    if (!content.subarray(0, magic.length).equals(magic)) throw new Error('not an index')
    this.generation = readGeneration(content)
    let position = blocksStart
    while (position < content.length) {
      const pathEnd = position + 4 + content.readUInt32LE(position)
      const start = pathEnd + 4
      const end = start + content.readUInt32LE(pathEnd)
      if (end > content.length) throw new Error('the index is cut off')
      this.#directories.set(content.toString('latin1', position + 4, pathEnd), { start, end })
      position = end
    }
  }

  static isWhole(content: Buffer): boolean {
    try {
      return (
        new SourceIndex(content) instanceof SourceIndex &&
        content.readUInt32LE(magic.length) === crc32(content.subarray(chainStart))
      )
    } catch {
      return false
    }
  }

  directories(): Iterable<BytePath> {
    return this.#directories.keys()
  }

  /** The block of a directory as it is in the file; empty where there is none. */
  block(path: BytePath): Uint8Array {
    const range = this.#directories.get(path)
    if (range === undefined) return this.#buffer.subarray(0, 0)
    return this.#buffer.subarray(range.start - blockHeaderBytes - path.length, range.end)
  }

  has(path: BytePath): boolean {
    return this.#directories.has(path)
  }

  directory(path: BytePath): DirectoryIndex {
    const range = this.#directories.get(path)
    return new DirectoryIndex(this.#buffer, this.#numbers, range?.start ?? 0, range?.end ?? 0)
  }
}

/** The entries of one directory; looked up fastest in the order in which they were written. */
export class DirectoryIndex {
  readonly #buffer: Buffer
  readonly #numbers: DataView
  readonly #start: number
  readonly #end: number
  #next: number
  #byName: Map<BytePath, number> | undefined

  constructor(buffer: Buffer, numbers: DataView, start: number, end: number) {
    this.#buffer = buffer
    this.#numbers = numbers
    this.#start = start
    this.#end = end
    this.#next = start
  }

  /** True when the scan before saw the same file under this name. */
  matches(name: BytePath, inode: bigint, ctimeNs: bigint): boolean {
    return this.unchangedSince(name, inode, ctimeNs) !== undefined
  }

  /** The number of the generation since which there is the same file under this name; undefined when it is not the same. */
  unchangedSince(name: BytePath, inode: bigint, ctimeNs: bigint): number | undefined {
    const position = this.#find(name)
    const isSame =
      position !== undefined &&
      this.#numbers.getBigUint64(position, true) === inode &&
      this.#numbers.getBigInt64(position + 8, true) === ctimeNs &&
      ctimeNs !== neverMatches
    return isSame ? this.#numbers.getUint32(position + 16, true) : undefined
  }

  /** What the scan before saw under this name; undefined when that was nothing, or a directory. */
  entry(name: BytePath): IndexEntry | undefined {
    const position = this.#find(name)
    if (position === undefined) return undefined
    return {
      inode: this.#numbers.getBigUint64(position, true),
      ctimeNs: this.#numbers.getBigInt64(position + 8, true),
      since: this.#numbers.getUint32(position + 16, true),
    }
  }

  /** Makes the entry one that nothing matches. */
  disprove(name: BytePath): void {
    const position = this.#find(name)
    if (position !== undefined) this.#numbers.setBigInt64(position + 8, neverMatches, true)
  }

  /** All that have an entry, the directory's own `.` among them. */
  names(): BytePath[] {
    return [...this.#positions().keys()]
  }

  #find(name: BytePath): number | undefined {
    const position = this.#next
    if (position < this.#end && this.#hasName(position, name)) {
      this.#next = this.#after(position)
      return position
    }
    const found = this.#positions().get(name)
    if (found !== undefined) this.#next = this.#after(found)
    return found
  }

  #hasName(position: number, name: BytePath): boolean {
    if (this.#numbers.getUint16(position + 20, true) !== name.length) return false
    const start = position + entryHeaderBytes
    for (let index = 0; index < name.length; index += 1) {
      if (this.#buffer[start + index] !== name.charCodeAt(index)) return false
    }
    return true
  }

  #nameAt(position: number): BytePath {
    return this.#buffer.toString('latin1', position + entryHeaderBytes, this.#after(position))
  }

  #after(position: number): number {
    return position + entryHeaderBytes + this.#numbers.getUint16(position + 20, true)
  }

  #positions(): Map<BytePath, number> {
    if (this.#byName !== undefined) return this.#byName
    const positions = new Map<BytePath, number>()
    for (let at = this.#start; at < this.#end; at = this.#after(at)) {
      positions.set(this.#nameAt(at), at)
    }
    this.#byName = positions
    return positions
  }
}

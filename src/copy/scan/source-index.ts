import { crc32 } from 'node:zlib'
import type { BytePath } from '../../system/byte-path.ts'

/**
 * What a scan saw of the source: for each directory, the inode and ctime of every entry that is not a
 * directory. The next scan takes an entry as unchanged when both are the same under the same path: whatever
 * changes content, mode, owner, ACL, xattrs or the name itself gives the inode a new ctime, and a directory that
 * was moved brings other inodes to the path. A ctime so young that a change after the scan could have got
 * the same one is written as 0, which matches nothing.
 *
 * In the file: magic, u32 CRC-32 of the rest, then a block a directory: u32 length of the path, path, u32 length of the entries, entries;
 * an entry is u64 inode, u64 ctime in ns, u16 length of the name, name. All little-endian.
 */
const magic = Buffer.from('snap-volume index 1\n')
const blocksStart = magic.length + 4
const entryHeaderBytes = 18
const neverMatches = 0n

/** The content of an index file; the blocks may come from several workers. */
export function formatIndex(blocks: readonly Uint8Array[]): Buffer {
  const sum = Buffer.alloc(4)
  sum.writeUInt32LE(blocks.reduce((before, block) => crc32(block, before), 0))
  return Buffer.concat([magic, sum, ...blocks])
}

/** Builds the blocks of some directories, entry by entry. */
export class IndexBuilder {
  readonly #youngNs: bigint
  #buffer = Buffer.allocUnsafe(64 * 1024)
  #numbers = numbersIn(this.#buffer)
  #length = 0
  #entriesStart = 0

  /** Entries with a ctime of `youngNs` or later are written so that they never match. */
  constructor(youngNs: bigint) {
    this.#youngNs = youngNs
  }

  /** Begins the block of a directory, and ends the one before. */
  beginDirectory(path: BytePath): void {
    this.#endDirectory()
    this.#reserve(8 + path.length)
    this.#buffer.writeUInt32LE(path.length, this.#length)
    this.#buffer.write(path, this.#length + 4, 'latin1')
    this.#length += 8 + path.length
    this.#entriesStart = this.#length
  }

  add(name: BytePath, inode: bigint, ctimeNs: bigint): void {
    this.#reserve(entryHeaderBytes + name.length)
    const at = this.#length
    this.#numbers.setBigUint64(at, inode, true)
    this.#numbers.setBigInt64(at + 8, ctimeNs < this.#youngNs ? ctimeNs : neverMatches, true)
    this.#numbers.setUint16(at + 16, name.length, true)
    const nameAt = at + entryHeaderBytes
    for (let index = 0; index < name.length; index += 1) {
      this.#buffer[nameAt + index] = name.charCodeAt(index)
    }
    this.#length = nameAt + name.length
  }

  bytes(): Buffer {
    this.#endDirectory()
    return this.#buffer.subarray(0, this.#length)
  }

  #endDirectory(): void {
    if (this.#entriesStart === 0) return
    this.#buffer.writeUInt32LE(this.#length - this.#entriesStart, this.#entriesStart - 4)
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
    this.#numbers = numbersIn(larger)
  }
}

/** Reads and writes 64-bit numbers much faster than a Buffer does itself. */
function numbersIn({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length)
}

/** An index read back. */
export class SourceIndex {
  readonly #buffer: Buffer
  readonly #numbers: DataView
  readonly #directories = new Map<BytePath, { start: number; end: number }>()

  /** Throws Error when `content` is not a whole index. */
  constructor(content: Buffer) {
    this.#buffer = content
    this.#numbers = numbersIn(content)
    if (!content.subarray(0, magic.length).equals(magic)) throw new Error('not an index')
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
        content.readUInt32LE(magic.length) === crc32(content.subarray(blocksStart))
      )
    } catch {
      return false
    }
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
    const position = this.#find(name)
    return (
      position !== undefined &&
      this.#numbers.getBigUint64(position, true) === inode &&
      this.#numbers.getBigInt64(position + 8, true) === ctimeNs &&
      ctimeNs !== neverMatches
    )
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
    if (this.#numbers.getUint16(position + 16, true) !== name.length) return false
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
    return position + entryHeaderBytes + this.#numbers.getUint16(position + 16, true)
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

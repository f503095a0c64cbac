import type { BigIntStats } from 'node:fs'
import { type BytePath, isInAny, nameOf, parentOf } from '../../tree/byte-path.ts'
import { InodeTable } from './inode-table.ts'
import { blocksStart, entryHeaderBytes, magic, neverMatches, numbersIn } from './format.ts'
import { hasRightChecksum, writeChecksum } from './header.ts'

/**
 * Has nothing match these paths, nor the directories they are in, nor what is in the directories
 * `lost`.
 */
export function invalidatePaths(
  index: Buffer,
  paths: readonly BytePath[],
  lost: ReadonlySet<BytePath> = new Set(),
): void {
  if (paths.length === 0 && lost.size === 0) return
  const known = new SourceIndex(index)
  for (const path of known.directories()) {
    const directory = isInAny(path, lost) ? known.directory(path) : undefined
    for (const name of directory?.names() ?? []) directory?.invalidate(name)
  }

  for (const [parent, inside] of Map.groupBy(paths, parentOf)) {
    const directory = known.directory(parent)
    directory.invalidate('.')
    for (const path of inside) {
      directory.invalidate(parent === '' ? path : path.slice(parent.length + 1))
      known.directory(path).invalidate('.')
    }
  }

  writeChecksum(index)
}

/** What a scan saw of one entry. */
export interface IndexEntry {
  inode: bigint
  /** `neverMatches` where it was racy. */
  ctimeNs: bigint
  size: bigint
  mtimeNs: bigint
}

/** A time as an index has it: those after 2262 are others there, and still tell two apart. */
export function asWritten(timeNs: bigint): bigint {
  return BigInt.asIntN(64, timeNs)
}

/** The same time again: the filesystems that have times before 1823 have none after 2262. */
export function asRead(writtenNs: bigint): bigint {
  return writtenNs < -(2n ** 62n) ? writtenNs + 2n ** 64n : writtenNs
}

/** What is looked at of an entry. */
export type ProvenStat = Pick<BigIntStats, 'ino' | 'ctimeNs' | 'size' | 'mtimeNs'>

/**
 * Whether it was seen with that inode, ctime, size and mtime: of the same mount, it is unchanged
 * since (proof.ts).
 */
export function proves(
  entry: IndexEntry | undefined,
  { ino, ctimeNs, size, mtimeNs }: ProvenStat,
): boolean {
  return (
    entry?.inode === ino &&
    entry.ctimeNs === asWritten(ctimeNs) &&
    entry.ctimeNs !== neverMatches &&
    entry.size === size &&
    entry.mtimeNs === asWritten(mtimeNs)
  )
}

/** An entry, and where the scan saw it. */
export interface FoundEntry extends IndexEntry {
  directory: BytePath
  name: BytePath
}

/**
 * What a scan saw of the source: for each directory, itself (under the name `.`), and every entry
 * that is not a directory. Whatever changes content, mode, owner, ACL, xattrs or the name itself
 * gives the inode a new ctime, and a directory that was moved brings other inodes to the path. A
 * racy ctime is written as 0, which matches nothing.
 */
export class SourceIndex {
  readonly #buffer: Buffer
  readonly #numbers: DataView
  readonly #directories = new Map<BytePath, { start: number; end: number }>()
  #inodes: InodeTable | undefined
  #last: { path: BytePath; entries: DirectoryIndex } | undefined

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
      return new SourceIndex(content) instanceof SourceIndex && hasRightChecksum(content)
    } catch {
      return false
    }
  }

  directories(): Iterable<BytePath> {
    return this.#directories.keys()
  }

  has(path: BytePath): boolean {
    return this.#directories.has(path)
  }

  directory(path: BytePath): DirectoryIndex {
    const range = this.#directories.get(path)
    return new DirectoryIndex(this.#buffer, this.#numbers, range?.start ?? 0, range?.end ?? 0)
  }

  /** What is known of a path; fastest for those that follow one another in a directory. */
  entry(path: BytePath): IndexEntry | undefined {
    const directory = parentOf(path)
    if (this.#last?.path !== directory) {
      this.#last = { path: directory, entries: this.directory(directory) }
    }
    return this.#last.entries.entry(nameOf(path))
  }

  /** The entry with an inode, wherever it was; one of them where it had several names. */
  find(inode: bigint): FoundEntry | undefined {
    this.#inodes ??= new InodeTable(this.#numbers, this.#directories)
    const found = this.#inodes.find(inode)
    if (found === undefined) return undefined

    return {
      ...readEntry(this.#numbers, found.position),
      directory: found.directory,
      name: readName(this.#buffer, this.#numbers, found.position),
    }
  }
}

function readEntry(numbers: DataView, position: number): IndexEntry {
  return {
    inode: numbers.getBigUint64(position, true),
    ctimeNs: numbers.getBigInt64(position + 8, true),
    size: numbers.getBigUint64(position + 16, true),
    mtimeNs: numbers.getBigInt64(position + 24, true),
  }
}

function readName(buffer: Buffer, numbers: DataView, position: number): BytePath {
  const start = position + entryHeaderBytes
  return buffer.toString('latin1', start, start + numbers.getUint16(position + 32, true))
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

  /** What the scan saw under this name; undefined when that was nothing, or a directory. */
  entry(name: BytePath): IndexEntry | undefined {
    const position = this.#find(name)
    return position === undefined ? undefined : readEntry(this.#numbers, position)
  }

  /** Makes the entry one that nothing matches. */
  invalidate(name: BytePath): void {
    const position = this.#find(name)
    if (position !== undefined) this.#numbers.setBigInt64(position + 8, neverMatches, true)
  }

  /** All that have an entry, the directory's own `.` among them. */
  names(): Iterable<BytePath> {
    return this.#positions().keys()
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
    if (this.#numbers.getUint16(position + 32, true) !== name.length) return false
    const start = position + entryHeaderBytes
    for (let index = 0; index < name.length; index += 1) {
      if (this.#buffer[start + index] !== name.charCodeAt(index)) return false
    }
    return true
  }

  #after(position: number): number {
    return position + entryHeaderBytes + this.#numbers.getUint16(position + 32, true)
  }

  #positions(): Map<BytePath, number> {
    if (this.#byName !== undefined) return this.#byName
    const positions = new Map<BytePath, number>()
    for (let at = this.#start; at < this.#end; at = this.#after(at)) {
      positions.set(readName(this.#buffer, this.#numbers, at), at)
    }

    this.#byName = positions
    return positions
  }
}

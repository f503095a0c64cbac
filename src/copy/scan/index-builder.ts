import type { BytePath } from '../../system/byte-path.ts'
import { blockHeaderBytes, entryHeaderBytes, neverMatches, numbersIn } from './index-format.ts'
import { isYoung, mayBeWritten } from './young-ctimes.ts'

/** Builds the blocks of some directories, entry by entry. */
export class IndexBuilder {
  readonly #youngNs: bigint | undefined
  #buffer = Buffer.allocUnsafe(64 * 1024)
  #numbers = numbersIn(this.#buffer)
  #length = 0
  #entriesStart = 0

  /** Entries whose ctimes are young are written so that they never match. */
  constructor(youngNs?: bigint) {
    this.#youngNs = youngNs
  }

  /** Begins the block of a directory, and ends the one before. */
  beginDirectory(path: BytePath): void {
    this.#endDirectory()
    this.#reserve(blockHeaderBytes + path.length)
    this.#buffer.writeUInt32LE(path.length, this.#length)
    this.#buffer.write(path, this.#length + 4, 'latin1')
    this.#length += blockHeaderBytes + path.length
    this.#entriesStart = this.#length
  }

  /**
   * `since` is the number of the generation since which the entry is the same; `size` is that of a file that is copied, and
   * may be in the middle of a call that writes it.
   */
  add(name: BytePath, inode: bigint, ctimeNs: bigint, since: number, size?: bigint): void {
    this.#reserve(entryHeaderBytes + name.length)
    const at = this.#length
    this.#numbers.setBigUint64(at, inode, true)
    this.#numbers.setBigInt64(at + 8, this.#isProof(ctimeNs, size) ? ctimeNs : neverMatches, true)
    this.#numbers.setUint32(at + 16, since, true)
    this.#numbers.setUint16(at + 20, name.length, true)
    const nameAt = at + entryHeaderBytes
    for (let index = 0; index < name.length; index += 1) {
      this.#buffer[nameAt + index] = name.charCodeAt(index)
    }
    this.#length = nameAt + name.length
  }

  #isProof(ctimeNs: bigint, size: bigint | undefined): boolean {
    const youngNs = this.#youngNs
    if (youngNs === undefined) return true
    if (size !== undefined && mayBeWritten(ctimeNs, size, youngNs)) return false
    return !isYoung(ctimeNs, youngNs)
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

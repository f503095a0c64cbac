import type { BigIntStats } from 'node:fs'
import type { BytePath } from '../../tree/byte-path.ts'
import { isRacy, writeMayBeInFlight } from './proof.ts'
import { blockHeaderBytes, entryHeaderBytes, neverMatches, numbersIn } from './format.ts'

/** Builds the blocks of some directories, entry by entry. */
export class IndexBuilder {
  readonly #racyCutoffNs: bigint
  #buffer = Buffer.allocUnsafe(64 * 1024)
  #numbers = numbersIn(this.#buffer)
  #length = 0
  #entriesStart = 0

  /** Entries whose ctimes are racy are written so that they never match. */
  constructor(racyCutoffNs: bigint) {
    this.#racyCutoffNs = racyCutoffNs
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

  /** A file that is copied may be in the middle of a call that writes it. */
  add(name: BytePath, { ino, ctimeNs, size, mtimeNs }: BigIntStats, isCopied: boolean): void {
    const isProof =
      !isRacy(ctimeNs, this.#racyCutoffNs) &&
      !(isCopied && writeMayBeInFlight(ctimeNs, size, this.#racyCutoffNs))
    this.#reserve(entryHeaderBytes + name.length)

    const at = this.#length
    this.#numbers.setBigUint64(at, ino, true)
    this.#numbers.setBigInt64(at + 8, isProof ? ctimeNs : neverMatches, true)
    this.#numbers.setBigUint64(at + 16, size, true)
    this.#numbers.setBigInt64(at + 24, mtimeNs, true)
    this.#numbers.setUint16(at + 32, name.length, true)

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

import {
  closeSync,
  constants,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { crc32 } from 'node:zlib'
import { isNotFound } from '../errors.ts'

const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants
const keyBytes = 24
const metadataBytes = 16
const digestBytes = 32
const factBytes = keyBytes + metadataBytes + digestBytes
const checksumBytes = 4
const rowBytes = factBytes + checksumBytes

/** What tells a stored file from every other one, also from a later one with its inode number. */
export interface FileKey {
  inode: bigint
  /** When the inode was made, in ns: nobody can set it. */
  born: bigint
  /** Of a subvolume, where a file that changed keeps inode and birth; else 0. */
  ctime: bigint
}

/** What a stored file was when it was first read. */
export interface FileDigest {
  /** Of mode, owner, times, ACL and extended attributes, in hexadecimal. */
  metadata: string
  /** SHA-256 of the content, in hexadecimal; of what has none zeros. */
  content: string
}

export const noContent = '0'.repeat(2 * digestBytes)

/**
 * The digests of stored files, each once for all snapshots that share it: a file of rows of one
 * length, to which new ones are appended, each with a checksum (CRC-32). One that a crash cut off,
 * or that rotted, is read by nobody: that file is read again, and nothing is called damaged for it.
 */
export class DigestTable {
  readonly #path: string
  #content: Buffer = Buffer.alloc(0)
  readonly #rows = new Map<string, number>()
  #waiting: Buffer[] = []

  constructor(path: string) {
    this.#path = path
    this.#take(readIfThere(path))
  }

  /** By the name of its key; what was added is found once it is flushed. */
  get(name: string): FileDigest | undefined {
    const at = this.#rows.get(name)
    if (at === undefined || at >= this.#content.length) return undefined
    const metadataEnd = at + keyBytes + metadataBytes
    return {
      metadata: this.#content.toString('hex', at + keyBytes, metadataEnd),
      content: this.#content.toString('hex', metadataEnd, at + factBytes),
    }
  }

  /** Is on the disk after `flush`. */
  add(key: FileKey, { metadata, content }: FileDigest): void {
    const facts = Buffer.concat([
      Buffer.from(nameOf(key), 'latin1'),
      Buffer.from(metadata, 'hex'),
      Buffer.from(content, 'hex'),
    ])
    this.#waiting.push(Buffer.concat([facts, checksumOf(facts)]))
    this.#rows.set(nameOf(key), this.#content.length + (this.#waiting.length - 1) * rowBytes)
  }

  /** Writes what was added. Throws the error of the system. */
  flush(): void {
    if (this.#waiting.length === 0) return
    const added = Buffer.concat(this.#waiting)
    const descriptor = openSync(this.#path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600)
    try {
      ftruncateSync(descriptor, this.#content.length)
      for (let at = 0; at < added.length;) at += writeSync(descriptor, added, at)
      fdatasyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }

    this.#content = Buffer.concat([this.#content, added])
    this.#waiting = []
  }

  /** Leaves out all but these, by one rename: of files that no snapshot has any more. */
  keepOnly(keys: ReadonlySet<string>): void {
    const rows = [...this.#rows].filter(([name]) => keys.has(name))
    if (rows.length === this.#rows.size) return
    const kept = Buffer.concat(rows.map(([, at]) => this.#content.subarray(at, at + rowBytes)))
    const made = `${this.#path}.new`
    const descriptor = openSync(made, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600)
    try {
      ftruncateSync(descriptor, 0)
      for (let at = 0; at < kept.length;) at += writeSync(descriptor, kept, at)
      fdatasyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(made, this.#path)
    this.#take(kept)
  }

  /** Has these files read again, as if for the first time. */
  forget(keys: ReadonlySet<string>): void {
    this.keepOnly(new Set([...this.#rows.keys()].filter((key) => !keys.has(key))))
  }

  #take(content: Buffer): void {
    this.#content = content.subarray(0, content.length - (content.length % rowBytes))
    this.#rows.clear()
    for (let at = 0; at < this.#content.length; at += rowBytes) {
      const facts = this.#content.subarray(at, at + factBytes)
      const checksum = this.#content.subarray(at + factBytes, at + rowBytes)
      if (!checksumOf(facts).equals(checksum)) continue
      this.#rows.set(facts.toString('latin1', 0, keyBytes), at)
    }
  }
}

function checksumOf(facts: Buffer): Buffer {
  const checksum = Buffer.alloc(checksumBytes)
  checksum.writeUInt32LE(crc32(facts))
  return checksum
}

/** A key as a key of a Map. */
export function nameOf({ inode, born, ctime }: FileKey): string {
  const key = Buffer.alloc(keyBytes)
  key.writeBigUInt64LE(inode)
  key.writeBigInt64LE(born, 8)
  key.writeBigInt64LE(ctime, 16)
  return key.toString('latin1')
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if (isNotFound(error)) return Buffer.alloc(0)
    throw error
  }
}

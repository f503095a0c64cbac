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
import { isNotFound } from '../errors.ts'

const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants
const keyBytes = 24
const metadataBytes = 16
const digestBytes = 32
const rowBytes = keyBytes + metadataBytes + digestBytes

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
 * length, to which new ones are appended. A row that a crash cut off is read by nobody, and goes
 * with the next one: that file is read again.
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
      content: this.#content.toString('hex', metadataEnd, at + rowBytes),
    }
  }

  /** Is on the disk after `flush`. */
  add(key: FileKey, { metadata, content }: FileDigest): void {
    const row = Buffer.concat([
      Buffer.from(nameOf(key), 'latin1'),
      Buffer.from(metadata, 'hex'),
      Buffer.from(content, 'hex'),
    ])
    this.#waiting.push(row)
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

  #take(content: Buffer): void {
    this.#content = content.subarray(0, content.length - (content.length % rowBytes))
    this.#rows.clear()
    for (let at = 0; at < this.#content.length; at += rowBytes) {
      this.#rows.set(this.#content.toString('latin1', at, at + keyBytes), at)
    }
  }
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

import { crc32 } from 'node:zlib'
import { blocksStart, headerStart, magic, mountIdBytes } from './format.ts'

/** When and of what an index was written. */
export interface IndexHeader {
  /** The mount of the source (identifyMount); undefined where nothing can be proven. */
  mount: string | undefined
  /** Inode and ctime of the root of the snapshot's tree. */
  tree: { ino: bigint; ctimeNs: bigint }
  /** Ctimes from here on were racy when they were seen. */
  racyCutoffNs: bigint
}

const noMount = '0'.repeat(2 * mountIdBytes)

/**
 * The content of an index file, in memory that threads can share. The blocks may come from several
 * workers, and are taken out of `blocks`: of a million files they are 50 MB.
 */
export function formatIndex(header: IndexHeader, blocks: Uint8Array[]): Buffer {
  const length = blocks.reduce((total, block) => total + block.length, blocksStart)
  const index = Buffer.from(new SharedArrayBuffer(length))
  index.set(magic)

  let position = blocksStart
  for (const block of blocks.splice(0)) {
    index.set(block, position)
    position += block.length
  }

  writeHeader(index, header)
  return index
}

/** Gives an index another header. */
export function writeHeader(index: Buffer, { mount, tree, racyCutoffNs }: IndexHeader): void {
  const at = headerStart + mountIdBytes
  index.write(mount ?? noMount, headerStart, 'hex')
  index.writeBigUInt64LE(tree.ino, at)
  index.writeBigInt64LE(tree.ctimeNs, at + 8)
  index.writeBigInt64LE(racyCutoffNs, at + 16)
  writeChecksum(index)
}

/** Of a whole index, whose directories are not looked at. */
export function readHeader(index: Buffer): IndexHeader {
  const mount = index.toString('hex', headerStart, headerStart + mountIdBytes)
  const at = headerStart + mountIdBytes

  return {
    mount: mount === noMount ? undefined : mount,
    tree: { ino: index.readBigUInt64LE(at), ctimeNs: index.readBigInt64LE(at + 8) },
    racyCutoffNs: index.readBigInt64LE(at + 16),
  }
}

/** Of all that is after it; to be written when anything there was changed. */
export function writeChecksum(index: Buffer): void {
  index.writeUInt32LE(crc32(index.subarray(headerStart)), magic.length)
}

/** Throws RangeError for what is too short to have one. */
export function hasRightChecksum(index: Buffer): boolean {
  return index.readUInt32LE(magic.length) === crc32(index.subarray(headerStart))
}

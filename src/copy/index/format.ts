/**
 * In the file: magic, u32 CRC-32 of the rest; 32 bytes that name the mount of the source (zeros:
 * nothing can be proven), u64 inode and i64 ctime of the root of the tree it was written for, i64
 * from when on ctimes were racy; then a block a directory: u32 length of the path, path, u32 length
 * of the entries, entries; an entry is u64 inode, i64 ctime, u64 size, i64 mtime, u16 length of the
 * name, name. Times are in ns; all is little-endian.
 */
export const magic = Buffer.from('snap-volume index 4\n')
export const headerStart = magic.length + 4
export const mountIdBytes = 32
export const headerBytes = mountIdBytes + 24
export const blocksStart = headerStart + headerBytes
export const blockHeaderBytes = 8
export const entryHeaderBytes = 34
export const neverMatches = 0n

/** Reads and writes 64-bit numbers much faster than a Buffer does itself. */
export function numbersIn({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length)
}

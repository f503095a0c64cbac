/**
 * In the file: magic, u32 CRC-32 of the rest; 32 bytes id of the chain, u32 generation; then a block a directory: u32 length of
 * the path, path, u32 length of the entries, entries; an entry is u64 inode, u64 ctime in ns, u32 generation, u16 length of the
 * name, name. All little-endian.
 */
export const magic = Buffer.from('snap-volume index 3\n')
export const chainStart = magic.length + 4
export const bootIdBytes = 16
export const chainIdBytes = 2 * bootIdBytes
export const blocksStart = chainStart + chainIdBytes + 4
export const blockHeaderBytes = 8
export const entryHeaderBytes = 22
export const neverMatches = 0n

/** Reads and writes 64-bit numbers much faster than a Buffer does itself. */
export function numbersIn({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length)
}

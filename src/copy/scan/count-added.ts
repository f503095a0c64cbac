import { bytePath } from '../../tree/byte-path.ts'
import { eachPath } from '../../tree/path-list.ts'
import { allocatedBytes } from './copy-list.ts'
import type { ScanResult } from './report.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

/**
 * What does not share its inode with the base: all that changed, files to verify that turned out
 * different, and what the first pass copied. Bytes are those that it takes on the disk.
 */
export function countAdded(
  staging: string,
  base: string | undefined,
  scan: ScanResult,
): { addedFiles: number; addedBytes: number } {
  let addedFiles = scan.toCopy.files + scan.counts.keptFiles
  let addedBytes = scan.toCopy.allocatedBytes + scan.counts.keptBytes

  using reader = new TreeReader(staging)
  using shared = base === undefined ? undefined : new TreeReader(bytePath(base))
  const counted = new Set<bigint>()
  for (const path of eachPath(scan.toVerify.paths)) {
    const stat = reader.lstat(path)
    const inBase = scan.origins.get(path) ?? path
    if (stat?.isFile() !== true || shared?.lstat(inBase)?.ino === stat.ino) continue
    addedFiles += 1
    if (!counted.has(stat.ino)) addedBytes += allocatedBytes(stat)
    counted.add(stat.ino)
  }

  return { addedFiles, addedBytes }
}

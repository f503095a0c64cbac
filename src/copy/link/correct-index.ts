import { type BytePath, isInAny } from '../../tree/byte-path.ts'
import type { FinishedDirectories } from './finish-directories.ts'
import { eachPath } from '../../tree/path-list.ts'
import type { ScanResult } from '../scan/report.ts'
import { invalidatePaths } from '../index/source-index.ts'

/**
 * Invalidates in the index of a scan what the copy is not: it may all be in the source again as the
 * scan saw it, with the same inodes and ctimes, because a directory above it was moved away and
 * back. The next snapshot would take it as proven. `unproven` are files of which that is known.
 */
export function correctIndex(
  index: Buffer,
  scan: ScanResult,
  unproven: readonly BytePath[],
  { vanished, missed, moved, possiblyRedirected }: FinishedDirectories,
): void {
  const all = [...unproven, ...moved, ...readBelow(scan, new Set(possiblyRedirected))]
  invalidatePaths(index, all, new Set([...vanished, ...missed]))
}

/** What was read by programs that may have been led elsewhere. */
function readBelow(scan: ScanResult, possiblyRedirected: ReadonlySet<BytePath>): BytePath[] {
  if (possiblyRedirected.size === 0) return []
  return [scan.toCopy.paths, scan.toVerify.paths, scan.directories.paths].flatMap((list) =>
    [...eachPath(list)].filter((path) => isInAny(path, possiblyRedirected)),
  )
}

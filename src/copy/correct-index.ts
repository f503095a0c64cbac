import { type BytePath, parentOf } from '../system/byte-path.ts'
import type { FinishedDirectories } from './finish-directories.ts'
import { eachPath } from './scan/path-list.ts'
import type { ScanResult } from './scan/scan-result.ts'
import { invalidatePaths, withoutDirectories } from './scan/source-index.ts'

/**
 * Takes out of the index of a scan what the copy is not: it may all be in the source again as the scan saw it, with the same
 * inodes and ctimes, because a directory above it was moved away and back. The next snapshot would take it as proven.
 * `unproven` are files of which that is known. May change `index`.
 */
export function correctIndex(
  index: Buffer,
  scan: ScanResult,
  unproven: readonly BytePath[],
  { vanished, missed, moved, ledAway }: FinishedDirectories,
): Buffer {
  invalidatePaths(index, [...unproven, ...moved, ...readBelow(scan, new Set(ledAway))])
  const lost = new Set([...vanished, ...missed])
  return lost.size === 0 ? index : withoutDirectories(index, (path) => isIn(path, lost))
}

/** What was read by programs that may have been led elsewhere. */
function readBelow(scan: ScanResult, ledAway: ReadonlySet<BytePath>): BytePath[] {
  if (ledAway.size === 0) return []
  return [scan.changed.paths, scan.suspects.paths, scan.directories].flatMap((list) =>
    [...eachPath(list)].filter((path) => isIn(path, ledAway)),
  )
}

/** Whether it is one of these directories, or in one; `.` is the root. */
function isIn(path: BytePath, directories: ReadonlySet<BytePath>): boolean {
  for (let one = path; one !== ''; one = parentOf(one)) {
    if (directories.has(one)) return true
  }
  return directories.has('.')
}

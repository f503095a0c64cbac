import { type BytePath, parentOf } from '../../tree/byte-path.ts'
import { unlinkAll } from '../programs/copy-listed.ts'
import { eachPath } from '../../tree/path-list.ts'
import { type CopyList, eachSeen, joinLists, listSeen } from '../scan/copy-list.ts'
import type { ScanResult } from '../scan/report.ts'

/**
 * Where some names of a file are to be copied and others were linked to the base, as when a
 * directory with one of them was renamed, takes the others back too: rsync makes one file of them
 * only when it gets all of them.
 */
export function recopyWholeLinkGroups(staging: string, scan: ScanResult): ScanResult {
  if (scan.keptLinks.seen.length === 0) return scan
  const copied = new Set(Array.from(eachSeen(scan.toVerify), ({ inode }) => inode))
  const torn = listSeen([...eachSeen(scan.keptLinks)].filter(({ inode }) => copied.has(inode)))
  unlinkAll(staging, eachPath(torn.paths))

  return {
    ...scan,
    toVerify: joinLists([scan.toVerify, torn]),
    directories: joinLists([scan.directories, listDirectories(eachPath(torn.paths))]),
  }
}

function listDirectories(paths: Iterable<BytePath>): CopyList {
  const directories = new Set(Array.from(paths, (path) => parentOf(path) || '.'))
  return listSeen(Array.from(directories, (path) => ({ path, inode: 0n, ctimeNs: 0n })))
}

import { type BytePath, parentOf } from '../system/byte-path.ts'
import { unlinkAll } from './rsync-files.ts'
import { eachPath, listPaths } from './scan/path-list.ts'
import type { CopyList } from './scan/scan-report.ts'
import { type ScanResult, joinLists } from './scan/scan-result.ts'

/**
 * Where some names of a file are to be copied and others were linked to the base, as when a directory with one
 * of them was renamed, takes the others back too: rsync makes one file of them only when it gets all of them.
 */
export function tearGroups(staging: string, scan: ScanResult): ScanResult {
  if (scan.keptLinks.seen.length === 0) return scan
  const copied = new Set<bigint>()
  for (let index = 0; index < scan.suspects.seen.length; index += 2) {
    copied.add(scan.suspects.seen[index] ?? 0n)
  }
  const torn = pick(scan.keptLinks, (inode) => copied.has(inode))
  unlinkAll(staging, eachPath(torn.paths))
  return {
    ...scan,
    suspects: joinLists([scan.suspects, torn]),
    directories: Buffer.concat([scan.directories, listPaths(directoriesOf(torn))]),
  }
}

function directoriesOf({ paths }: CopyList): Set<BytePath> {
  return new Set(Array.from(eachPath(paths), (path) => parentOf(path) || '.'))
}

function pick({ paths, seen }: CopyList, isWanted: (inode: bigint) => boolean): CopyList {
  const picked = [...eachPath(paths)]
    .map((path, index) => ({
      path,
      inode: seen[2 * index] ?? 0n,
      ctimeNs: seen[2 * index + 1] ?? 0n,
    }))
    .filter(({ inode }) => isWanted(inode))
  return {
    paths: listPaths(picked.map(({ path }) => path)),
    seen: BigInt64Array.from(picked.flatMap(({ inode, ctimeNs }) => [inode, ctimeNs])),
    files: 0,
    bytes: 0,
    allocatedBytes: 0,
  }
}

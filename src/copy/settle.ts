import { constants } from 'node:fs'
import type { RecordWarning } from '../store/record.ts'
import { type BytePath, displayPath } from '../system/byte-path.ts'
import { removeBelow } from './remove-entry.ts'
import { type RsyncTrees, rsyncFiles } from './rsync-files.ts'
import { eachPath, listPaths } from './scan/path-list.ts'
import type { CopyList } from './scan/scan-report.ts'
import { TreeReader } from './tree-reader.ts'
import { warnOfPaths } from './warnings.ts'

const mostRounds = 3
const typeBits = BigInt(constants.S_IFMT)

/**
 * Looks again at what was copied: a file whose inode or ctime is not what was seen before the copy may have
 * been read half old, half new. It is copied again, a few times; what will not hold still is named in a warning,
 * and so is what vanished before it was read.
 */
export async function settleCopies(
  trees: RsyncTrees,
  copied: readonly CopyList[],
): Promise<RecordWarning[]> {
  const vanished: BytePath[] = []
  const becameDirectories: BytePath[] = []
  const lookAgain = (list: CopyList): BytePath[] => {
    const found = compareWithSource(trees, list)
    vanished.push(...found.vanished)
    becameDirectories.push(...found.becameDirectories)
    return found.moved
  }
  let moving = copied.flatMap(lookAgain)
  for (let round = 0; round < mostRounds && moving.length > 0; round += 1) {
    const seen = see(trees.source.here, moving)
    unstage(trees.staging, moving)
    await rsyncFiles(trees, listPaths(moving))
    moving = lookAgain(seen)
  }
  return [
    ...warnOfPaths('vanished', 'vanished while they were read', vanished.map(displayPath)),
    ...warnOfPaths(
      'moving',
      'changed each time they were read, and may be half old, half new',
      moving.map(displayPath),
    ),
    ...warnOfPaths(
      'moving',
      'became directories while they were read, and what is in these is not in the snapshot',
      becameDirectories.map(displayPath),
    ),
  ]
}

/** Takes those directories out of staging that are gone from the source: they would stay as they were made for the scan. */
export function dropVanished({ source, staging }: RsyncTrees, directories: Uint8Array): void {
  const from = new TreeReader(source.here)
  const to = new TreeReader(staging)
  for (const path of eachPath(directories)) {
    if (path !== '.' && from.lstat(path) === undefined) removeBelow(to, path, new Set())
  }
  from.close()
  to.close()
}

interface Found {
  moved: BytePath[]
  vanished: BytePath[]
  becameDirectories: BytePath[]
}

/** Which files are not as they were seen or not staged as they are, and which are in neither tree any more. */
function compareWithSource(trees: RsyncTrees, { paths, seen }: CopyList): Found {
  const source = new TreeReader(trees.source.here)
  const staging = new TreeReader(trees.staging)
  const moved: BytePath[] = []
  const vanished: BytePath[] = []
  const becameDirectories: BytePath[] = []
  let position = 0
  for (const path of eachPath(paths)) {
    const stat = source.lstat(path)
    const staged = staging.lstat(path)
    if (stat === undefined) {
      if (staged === undefined) vanished.push(path)
    } else if (stat.isDirectory()) {
      becameDirectories.push(path)
    } else if (
      BigInt.asIntN(64, stat.ino) !== seen[position] ||
      stat.ctimeNs !== seen[position + 1] ||
      // what was swapped in for the time of the copy, and out again
      ((stat.mode ^ (staged?.mode ?? 0n)) & typeBits) !== 0n ||
      stat.size !== staged?.size
    ) {
      moved.push(path)
    }
    position += 2
  }
  source.close()
  staging.close()
  return { moved, vanished, becameDirectories }
}

function see(source: string, paths: readonly BytePath[]): CopyList {
  const reader = new TreeReader(source)
  const seen = paths.flatMap((path) => {
    const stat = reader.lstat(path)
    return [BigInt.asIntN(64, stat?.ino ?? 0n), stat?.ctimeNs ?? 0n]
  })
  reader.close()
  return { paths: listPaths(paths), seen: BigInt64Array.from(seen), files: 0, bytes: 0 }
}

/** Removes what was staged: also a directory, of what was one for the time of the copy. */
function unstage(staging: string, paths: readonly BytePath[]): void {
  const reader = new TreeReader(staging)
  for (const path of paths) removeBelow(reader, path, new Set())
  reader.close()
}

import type { RecordWarning } from '../store/record.ts'
import { type BytePath, displayPath } from '../system/byte-path.ts'
import { type RsyncTrees, rsyncFiles, unlinkAll } from './rsync-files.ts'
import { eachPath, listPaths } from './scan/path-list.ts'
import type { CopyList } from './scan/scan-report.ts'
import { TreeReader } from './tree-reader.ts'
import { warnOfPaths } from './warnings.ts'

const mostRounds = 3

/**
 * Looks again at what was copied: a file whose inode or ctime is not what was seen before the copy may have
 * been read half old, half new. It is copied again, a few times; what will not hold still is named in a warning.
 */
export async function settleCopies(
  trees: RsyncTrees,
  copied: readonly CopyList[],
): Promise<RecordWarning[]> {
  let moving = copied.flatMap((list) => findMoved(trees.source.here, list))
  const vanished: string[] = []
  for (let round = 0; round < mostRounds && moving.length > 0; round += 1) {
    const seen = see(trees.source.here, moving)
    unlinkAll(trees.staging, moving)
    vanished.push(...(await rsyncFiles(trees, listPaths(moving))))
    moving = findMoved(trees.source.here, seen)
  }
  return [
    ...warnOfPaths('vanished', 'vanished while they were read', vanished),
    ...warnOfPaths(
      'moving',
      'changed each time they were read, and may be half old, half new',
      moving.map(displayPath),
    ),
  ]
}

/** Files that are there and not as they were seen. */
function findMoved(source: string, { paths, seen }: CopyList): BytePath[] {
  const reader = new TreeReader(source)
  const moved: BytePath[] = []
  let position = 0
  for (const path of eachPath(paths)) {
    const stat = reader.lstat(path)
    const isSame =
      stat === undefined ||
      (BigInt.asIntN(64, stat.ino) === seen[position] && stat.ctimeNs === seen[position + 1])
    if (!isSame) moved.push(path)
    position += 2
  }
  reader.close()
  return moved
}

function see(source: string, paths: readonly BytePath[]): CopyList {
  const reader = new TreeReader(source)
  const seen = paths.flatMap((path) => {
    const stat = reader.lstat(path)
    return [BigInt.asIntN(64, stat?.ino ?? 0n), stat?.ctimeNs ?? 0n]
  })
  reader.close()
  return { paths: listPaths(paths), seen: BigInt64Array.from(seen), bytes: 0 }
}

import type { RecordWarning } from '../store/record.ts'
import { type BytePath, displayPath } from '../system/byte-path.ts'
import { removeBelow } from './remove-entry.ts'
import { type RsyncTrees, rsyncDirectories } from './rsync-files.ts'
import { eachPath, listPaths } from './scan/path-list.ts'
import type { SourceIndex } from './scan/source-index.ts'
import { TreeReader } from './tree-reader.ts'
import { warnOfPaths } from './warnings.ts'
import { parentOf } from './watch-directories.ts'

/**
 * Gives directories in staging their attributes, when nothing will be written into them any more, and takes those out that are
 * gone from the source. Returns these, without those in one of them, and those that are no more what the scan saw: the
 * attributes in staging may be of another one.
 */
export async function finishDirectories(
  trees: RsyncTrees,
  listed: Uint8Array,
  seen: SourceIndex,
): Promise<{ vanished: BytePath[]; moved: BytePath[] }> {
  // those above too: rsync sends their attributes along, and what vanishes from them moves their times
  const directories = listPaths(withThoseAbove(listed))
  const before = dropVanished(trees, directories)
  await rsyncDirectories(trees, directories)
  const meanwhile = dropVanished(trees, directories)
  if (meanwhile.length > 0) await rsyncDirectories(trees, directories)
  return { vanished: [...before, ...meanwhile], moved: findMoved(trees, directories, seen) }
}

export function warnOfVanished(directories: readonly BytePath[]): RecordWarning[] {
  const what = 'were directories that were removed, moved or replaced while they were read'
  return warnOfPaths('vanished', what, directories.map(displayPath))
}

/** Each after the one it is in. */
function withThoseAbove(directories: Uint8Array): BytePath[] {
  const found = new Set<BytePath>()
  for (const path of eachPath(directories)) {
    for (let one = path; !found.has(one); one = parentOf(one) || '.') found.add(one)
  }
  return [...found].toSorted()
}

/** They would stay as they were made for the scan. */
function dropVanished({ source, staging }: RsyncTrees, directories: Uint8Array): BytePath[] {
  const from = new TreeReader(source.here)
  const to = new TreeReader(staging)
  const dropped: BytePath[] = []
  for (const path of eachPath(directories)) {
    if (path === '.' || from.lstat(path)?.isDirectory() === true) continue
    if (to.lstat(path) === undefined) continue
    removeBelow(to, path, new Set())
    dropped.push(path)
  }
  from.close()
  to.close()
  return dropped
}

function findMoved({ source }: RsyncTrees, directories: Uint8Array, seen: SourceIndex): BytePath[] {
  const reader = new TreeReader(source.here)
  const moved: BytePath[] = []
  for (const path of eachPath(directories)) {
    const directory = seen.directory(path === '.' ? '' : path)
    // a mount point has none
    if (directory.entry('.') === undefined) continue
    const stat = reader.lstat(path)
    if (stat === undefined || !directory.matches('.', stat.ino, stat.ctimeNs)) moved.push(path)
  }
  reader.close()
  return moved
}

import type { BigIntStats } from 'node:fs'
import type { RecordWarning } from '../../store/record.ts'
import { type BytePath, parentOf } from '../../tree/byte-path.ts'
import { removeBelow } from '../../tree/remove-entry.ts'
import { type RsyncTrees, rsyncDirectories } from '../programs/copy-listed.ts'
import { eachPath, listPaths } from '../../tree/path-list.ts'
import { neverMatches } from '../index/format.ts'
import type { IndexEntry, SourceIndex } from '../index/source-index.ts'
import { TreeReader } from '../../tree/tree-reader.ts'
import { warnOfPaths } from '../warnings.ts'

export interface FinishedDirectories {
  /** Taken out, without those that were in one of them. */
  vanished: BytePath[]
  /** No more what the scan saw: the attributes in staging may be of another one. */
  moved: BytePath[]
  /**
   * Of these, those that may have been moved themselves, away and back, so that programs read what
   * was in their place.
   */
  possiblyRedirected: BytePath[]
  /**
   * The scan or the copy did not find them, such as when one above was moved away and back: they
   * are empty in staging, or not there.
   */
  missed: BytePath[]
}

/**
 * Gives directories in staging their attributes, when nothing will be written into them any more,
 * and takes those out that are gone from the source. `seen` is the index of the scan.
 */
export async function finishDirectories(
  request: RsyncTrees,
  listed: Uint8Array,
  seen: SourceIndex,
): Promise<FinishedDirectories> {
  // one whose attributes cannot be read would stay as it was made
  const trees = { ...request, leavesUnreadable: false }
  // those above too: rsync sends their attributes along, and what vanishes from them moves their
  // times
  const directories = listPaths(withThoseAbove(listed))
  const before = dropVanished(trees, directories)
  await rsyncDirectories(trees, directories)

  const meanwhile = dropVanished(trees, directories)
  if (meanwhile.length > 0) await rsyncDirectories(trees, directories)

  return {
    vanished: [...new Set([...before, ...meanwhile])],
    ...findMoved(trees, directories, seen),
  }
}

export function warnOfDirectories({ vanished, missed }: FinishedDirectories): RecordWarning[] {
  const gone =
    '{was a directory|were directories} that {was|were} removed, moved or replaced while {it was|they were} read'
  const away =
    '{was a directory that was|were directories that were} away for a moment, and what is in {it|them} is not in the snapshot'
  return [...warnOfPaths('vanished', gone, vanished), ...warnOfPaths('vanished', away, missed)]
}

/** Each after the one it is in; without the root. */
function withThoseAbove(directories: Uint8Array): BytePath[] {
  const found = new Set<BytePath>(['', '.'])
  for (const path of eachPath(directories)) {
    for (let one = path; !found.has(one); one = parentOf(one)) found.add(one)
  }
  return [...found].filter((path) => path !== '' && path !== '.').toSorted()
}

/** Of one that was young the ctime is not known; nothing matches that anyway. */
function isSame({ inode, ctimeNs }: IndexEntry, stat: BigIntStats | undefined): boolean {
  return inode === stat?.ino && (ctimeNs === neverMatches || ctimeNs === stat.ctimeNs)
}

/**
 * Whatever moves a directory moves its ctime and that of the one it is in; the root is held open.
 * On XFS the latter alone, but to doubt all that is in a directory because a name in it came or
 * went would cost a database a copy while it is held.
 */
function findPossiblyRedirected(moved: readonly BytePath[]): BytePath[] {
  const all = new Set(moved)
  return moved.filter((path) => path !== '.' && all.has(parentOf(path) || '.'))
}

/** They would stay as they were made for the scan. */
function dropVanished({ source, staging }: RsyncTrees, directories: Uint8Array): BytePath[] {
  using from = new TreeReader(source.here)
  using to = new TreeReader(staging.here)
  const dropped: BytePath[] = []
  for (const path of eachPath(directories)) {
    if (from.lstat(path)?.isDirectory() === true) continue
    if (to.lstat(path) === undefined) continue
    removeBelow(to, path)
    dropped.push(path)
  }

  return dropped
}

function findMoved(
  { source, staging }: RsyncTrees,
  directories: Uint8Array,
  seen: SourceIndex,
): Omit<FinishedDirectories, 'vanished'> {
  using reader = new TreeReader(source.here)
  using staged = new TreeReader(staging.here)
  const device = reader.lstat('.')?.dev

  const moved: BytePath[] = []
  const missed: BytePath[] = []
  for (const path of ['.', ...eachPath(directories)]) {
    const stat = reader.lstat(path)
    const entry = seen.directory(path === '.' ? '' : path).entry('.')
    // what is mounted is not looked at
    const isThere = stat?.isDirectory() === true && stat.dev === device
    if (isThere && (entry === undefined || staged.lstat(path) === undefined)) missed.push(path)
    if (entry !== undefined && !isSame(entry, stat)) moved.push(path)
  }

  return { moved, possiblyRedirected: findPossiblyRedirected(moved), missed }
}

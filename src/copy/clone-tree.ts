import { displayPath } from '../tree/byte-path.ts'
import type { DirectoryHandle } from '../tree/directory-handle.ts'
import type { CopyProgress } from './engine.ts'
import { type ItemizedChange, rsyncItemized } from './programs/itemized-changes.ts'
import { type EntryLists, makeEntries, noEntries } from './restore/make-entries.ts'
import { LeftOutAttributes } from './left-out-attributes.ts'
import { copyRootAttributes } from './programs/root-attributes.ts'
import type { RecordWarning } from '../store/record.ts'
import { listPaths } from '../tree/path-list.ts'
import { walkTree } from '../tree/walk-tree.ts'

/** What a clone of a tree would hold. */
export interface CloneSurvey {
  files: number
  entries: EntryLists
  /**
   * Directories that are subvolumes or other filesystems: a clone would not hold what is in them.
   */
  foreign: string[]
  /** Tells of attributes that a clone would not have. */
  leftOut: RecordWarning[]
}

export interface CloneRequest {
  source: DirectoryHandle
  /** Another directory of the same filesystem. */
  target: DirectoryHandle
  lockDescriptor: number
  signal?: AbortSignal | undefined
}

/** Lists what is below an open directory, following no link and entering no other filesystem. */
export async function surveyForClone(
  source: DirectoryHandle,
  signal?: AbortSignal,
): Promise<CloneSurvey> {
  const survey: CloneSurvey = { files: 0, entries: noEntries(), foreign: [], leftOut: [] }
  const { entries, foreign } = survey
  for await (const { path, stat, isEntered } of walkTree(source.here, signal)) {
    if (isEntered) entries.directories.add(path)
    else if (stat.isDirectory()) foreign.push(displayPath(path))
    else {
      ;(stat.nlink > 1n ? entries.linked : entries.files).add(path)
      if (!stat.isFile()) continue
      survey.files += 1
      entries.bytes += Number(stat.size)
    }
  }

  const leftOut = new LeftOutAttributes()
  const lists = [entries.directories, entries.files, entries.linked].map((list) => list.bytes())
  await leftOut.look(source.cwd, [listPaths(['.']), ...lists], signal)
  survey.leftOut = leftOut.warnings()
  return survey
}

/**
 * Copies a tree into an empty directory with all that rsync keeps; files share their extents with
 * the source. What changes meanwhile is for `findDifferences` to find.
 */
export async function cloneTree(
  { source, target, lockDescriptor, signal }: CloneRequest,
  entries: EntryLists,
  onProgress: (progress: CopyProgress) => void,
): Promise<void> {
  const trees = { source, staging: target, lockDescriptor, signal }
  await makeEntries(trees, entries, onProgress)
  await copyRootAttributes(trees)
}

/** Compares two trees by all contents and attributes; changes nothing. */
export async function findDifferences(request: CloneRequest): Promise<ItemizedChange[]> {
  const { source, target, lockDescriptor, signal } = request
  const differences: ItemizedChange[] = []
  await rsyncItemized(
    ['--dry-run', '--checksum', '--delete', '--', './', `${target.cwd}/`],
    { cwd: source.cwd, lockDescriptor, signal },
    (change) => void differences.push(change),
  )
  return differences
}

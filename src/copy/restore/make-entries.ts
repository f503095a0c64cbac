import { copyFiles } from '../programs/copy-files.ts'
import type { CopyProgress } from '../engine.ts'
import { type RsyncTrees, rsyncDirectories, rsyncFiles } from '../programs/copy-listed.ts'
import { PathList } from '../../tree/path-list.ts'

/** Entries of a tree. */
export interface EntryLists {
  directories: PathList
  /** All else that has one name. */
  files: PathList
  /** All names of those with several. */
  linked: PathList
  /** Apparent size of the files. */
  bytes: number
}

export function noEntries(): EntryLists {
  return { directories: new PathList(), files: new PathList(), linked: new PathList(), bytes: 0 }
}

/**
 * Makes entries of one tree whole in another that nobody else can reach, with the directories above
 * them: contents and all attributes that rsync keeps.
 */
export async function makeEntries(
  trees: RsyncTrees,
  { directories, files, linked, bytes }: EntryLists,
  onProgress: (progress: CopyProgress) => void,
): Promise<void> {
  await copyFiles(trees, { paths: files.bytes(), files: files.count, bytes }, onProgress)
  await rsyncFiles(trees, linked.bytes())
  // last, because what is written into one moves its times
  await rsyncDirectories(trees, directories.bytes())
}

import type { Readable } from 'node:stream'
import type { BytePath } from '../system/byte-path.ts'
import { findMergedPaths } from './link-groups.ts'
import { rsync } from './rsync-command.ts'
import { listPaths } from './scan/path-list.ts'
import { TreeReader } from './tree-reader.ts'

/** Where rsync copies from and to, for one volume. */
export interface RsyncTrees {
  /** The source as a working directory for rsync, and as a path for this process. */
  source: { cwd: string; here: string }
  /** The staged volume, and a path to it through an open directory. */
  target: string
  staging: string
  lockDescriptor: number
  signal?: AbortSignal | undefined
  onOutput?: (chunk: Buffer) => void
}

/**
 * Copies the listed paths (NUL after each) and no others, but those that are gone; none of them may be in staging
 * yet, but as directories or as files of its own: rsync changes attributes in place, and those of a file
 * shared with a published snapshot would change there too.
 */
export async function rsyncFiles(
  trees: RsyncTrees,
  paths: Uint8Array,
  options: readonly string[] = [],
): Promise<void> {
  if (paths.length === 0) return
  await rsyncNamed(trees, Buffer.from(paths.buffer, paths.byteOffset, paths.length), options)
}

/** Gives the listed directories their attributes, once nothing is written into them any more; `.` is the root. */
export async function rsyncDirectories(trees: RsyncTrees, paths: Uint8Array): Promise<void> {
  // with the root its entries come along, among them files shared with other snapshots
  await rsyncFiles(trees, paths, ['--filter=-! */'])
}

/**
 * Copies all that is in the directories that are named while it runs, each with a slash at its end; what is in
 * directories below one it copies when they are named too. It lists a directory when it is named, and reads no
 * file before the names end.
 */
export async function rsyncContents(trees: RsyncTrees, directories: Readable): Promise<void> {
  await rsyncNamed(trees, directories, ['--info=progress2'])
}

async function rsyncNamed(
  { source, target, lockDescriptor, signal, onOutput }: RsyncTrees,
  names: Buffer | Readable,
  options: readonly string[],
): Promise<void> {
  const list = ['--files-from=-', '--from0', '--ignore-missing-args']
  await rsync([...options, ...list, '--', './', `${target}/`], {
    cwd: source.cwd,
    isLive: true,
    lockDescriptor,
    signal,
    input: names,
    ...(onOutput === undefined ? {} : { onOutput }),
  })
}

/** Copies anew what `--link-dest` gave one inode although the source has several. */
export async function separateMergedPaths(
  trees: RsyncTrees,
  paths: Iterable<BytePath>,
): Promise<void> {
  const merged = findMergedPaths(trees.source.here, trees.staging, paths)
  if (merged.length === 0) return
  unlinkAll(trees.staging, merged)
  await rsyncFiles(trees, listPaths(merged))
}

export function unlinkAll(root: string, paths: Iterable<BytePath>): void {
  const reader = new TreeReader(root)
  for (const path of paths) reader.unlink(path)
  reader.close()
}

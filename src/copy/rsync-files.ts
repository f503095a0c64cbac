import type { BytePath } from '../system/byte-path.ts'
import { findMergedPaths } from './link-groups.ts'
import { rsync } from './rsync-command.ts'
import { vanishedPaths } from './rsync-output.ts'
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
 * Copies the listed paths (NUL after each) and no others; none of them may be in staging yet, but as
 * directories or as files of its own: rsync changes attributes in place, and those of a file shared with a
 * published snapshot would change there too.
 * Returns the names that vanished meanwhile.
 */
export async function rsyncFiles(
  trees: RsyncTrees,
  paths: Uint8Array,
  options: readonly string[] = [],
): Promise<string[]> {
  if (paths.length === 0) return []
  const { stderr } = await rsync(
    [...options, '--files-from=-', '--from0', '--', './', `${trees.target}/`],
    {
      cwd: trees.source.cwd,
      mayVanish: true,
      lockDescriptor: trees.lockDescriptor,
      signal: trees.signal,
      input: Buffer.from(paths.buffer, paths.byteOffset, paths.length),
      ...(trees.onOutput === undefined ? {} : { onOutput: trees.onOutput }),
    },
  )
  return vanishedPaths(stderr)
}

/** Copies anew what `--link-dest` gave one inode although the source has several. */
export async function separateMergedPaths(
  trees: RsyncTrees,
  paths: Iterable<BytePath>,
): Promise<void> {
  const merged = findMergedPaths(trees.source.here, trees.staging, paths)
  if (merged.length === 0) return
  unlinkAll(trees.staging, merged)
  // one that is gone since would make rsync fail
  const source = new TreeReader(trees.source.here)
  const there = merged.filter((path) => source.lstat(path) !== undefined)
  source.close()
  await rsyncFiles(trees, listPaths(there))
}

/**
 * Gives the root of staging its attributes. It cannot be named in a list: rsync would take its contents
 * along, hard links to other snapshots among them.
 */
export async function rsyncRoot(trees: RsyncTrees): Promise<void> {
  const { source, target, lockDescriptor, signal } = trees
  await rsync(['--exclude=*', '--', './', `${target}/`], {
    cwd: source.cwd,
    mayVanish: true,
    lockDescriptor,
    signal,
  })
}

export function unlinkAll(root: string, paths: Iterable<BytePath>): void {
  const reader = new TreeReader(root)
  for (const path of paths) reader.unlink(path)
  reader.close()
}

import type { BytePath } from '../../tree/byte-path.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

/**
 * Of `paths`, those that share a file in staging although the source's do not. `rsync -H
 * --link-dest` merges them when a link group of the base was split since.
 */
export function findMergedPaths(
  source: string,
  staging: string,
  paths: Iterable<BytePath>,
): BytePath[] {
  using staged = new TreeReader(staging)
  const groups = new Map<bigint, BytePath[]>()
  for (const path of paths) {
    const stat = staged.lstat(path)
    if (stat === undefined || stat.isDirectory() || stat.nlink === 1n) continue
    const group = groups.get(stat.ino)
    if (group === undefined) groups.set(stat.ino, [path])
    else group.push(path)
  }

  return [...groups.values()].filter((group) => !isOneFile(source, group)).flat()
}

function isOneFile(root: string, paths: readonly BytePath[]): boolean {
  using reader = new TreeReader(root)
  const inodes = new Set(paths.map((path) => reader.lstat(path)?.ino))
  return inodes.size === 1
}

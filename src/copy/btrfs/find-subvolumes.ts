import { type BytePath, bytePath, joinPath, readKinds } from '../../tree/byte-path.ts'
import type { DirectoryHandle } from '../../tree/directory-handle.ts'
import { foreignMounts } from '../../system/mounts.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

/**
 * The paths of the subvolumes below a directory on btrfs, of which no list of mounts knows; those
 * in one of them are not looked for.
 */
export function findSubvolumes(root: DirectoryHandle): BytePath[] {
  using reader = new TreeReader(root.here)
  const device = reader.lstat('.')?.dev
  // of what is mounted the list of mounts tells
  const mounts = foreignMounts(bytePath(root.path))

  const found: BytePath[] = []
  const pending: BytePath[] = ['']
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const { name, isDirectory } of reader.at(joinPath(next, '.'), (here) => readKinds(here)) ??
      []) {
      const path = joinPath(next, name)
      if (!isDirectory || mounts.has(path)) continue
      const stat = reader.lstat(path)
      if (stat === undefined) continue
      if (stat.dev === device) pending.push(path)
      else found.push(path)
    }
  }

  return found
}

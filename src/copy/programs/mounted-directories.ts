import { foreignMounts } from '../../system/mounts.ts'
import {
  type BytePath,
  bytePath,
  isInAny,
  nameOf,
  parentOf,
  readKinds,
} from '../../tree/byte-path.ts'
import type { DirectoryHandle } from '../../tree/directory-handle.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

/**
 * The directories below an open one on which another filesystem is mounted, without those inside of
 * one. Nobody looks at them, because the filesystem may not answer: the directories that they are
 * in tell what they are mounted on.
 */
export function mountedDirectories({ here, path }: DirectoryHandle): Set<BytePath> {
  const mounts = foreignMounts(bytePath(path))
  using reader = new TreeReader(here)
  const isDirectory = (mount: BytePath): boolean => {
    const kinds = reader.at(mount, (trusted) => readKinds(parentOf(trusted))) ?? []
    return kinds.some((kind) => kind.name === nameOf(mount) && kind.isDirectory)
  }

  const outermost = [...mounts].filter((mount) => !isInAny(parentOf(mount), mounts))
  return new Set(outermost.filter(isDirectory))
}

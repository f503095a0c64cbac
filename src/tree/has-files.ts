import { foreignMounts } from '../system/mounts.ts'
import { bytePath, isGone, joinPath, readKinds } from './byte-path.ts'
import { openDirectory } from './directory-handle.ts'
import { TreeReader } from './tree-reader.ts'

/** So far a look is short; whoever has more than that has not mistaken the volume. */
const mostDirectories = 1000
const mostEntries = 1000

/**
 * Whether anything but directories is at or below `path`; true where it would take long to know.
 * Other filesystems that are mounted inside are not looked at. Throws what `openDirectory` does.
 */
export function hasFiles(path: string): boolean {
  using directory = openDirectory(path)
  using reader = new TreeReader(directory.here)

  const mounts = foreignMounts(bytePath(path))
  const pending = ['']
  try {
    for (let left = mostDirectories; left > 0; left -= 1) {
      const next = pending.pop()
      if (next === undefined) return false

      const here = reader.enter(next)
      const entries = here === undefined ? [] : readKinds(here, mostEntries)
      if (entries?.every(({ isDirectory }) => isDirectory) !== true) return true
      const inside = entries.map(({ name }) => joinPath(next, name))
      pending.push(...inside.filter((one) => !mounts.has(one)))
    }
    return true
  } catch (error) {
    // the snapshot will say what cannot be read
    return !isGone(error)
  }
}

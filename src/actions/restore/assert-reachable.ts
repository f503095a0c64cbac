import { inTheWay } from '../../copy/restore/compare-live.ts'
import { OperationError } from '../../errors.ts'
import { bytePath, displayPath, isInAny, parentOf } from '../../tree/byte-path.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { statBelow } from '../../tree/file-below.ts'
import type { RestoreTarget } from './targets.ts'

/**
 * Throws OperationError where some paths cannot be restored: something is mounted above one, or a
 * directory above it is none now. Nobody is stopped for that, and nothing changed.
 */
export function assertReachable({ path, only = [], keptMounts }: RestoreTarget): void {
  for (const mount of keptMounts) {
    const inside = new Set([bytePath(mount.slice(path.length + 1))])
    const covered = only.find((one) => isInAny(one, inside))
    if (covered === undefined) continue
    throw new OperationError(
      `nothing was restored: ${mount} is mounted inside ${path}, or a subvolume, and is left as it is, with ${displayPath(covered)};`,
      { fix: 'unmount it, or write it elsewhere with --to' },
    )
  }

  using live = openDirectory(path)
  const root = bytePath(live.here)
  for (const directory of new Set(only.map(parentOf))) {
    for (let above = directory; above !== ''; above = parentOf(above)) {
      const stat = statBelow({ root, path: above })
      if (stat?.isDirectory() === false) throw inTheWay(above, 'live data')
    }
  }
}

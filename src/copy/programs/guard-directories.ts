import { statfsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BytePath, lstatIfThere, parentOf } from '../../tree/byte-path.ts'
import { isRacy, racyCutoff } from '../index/proof.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

/**
 * A little longer than a ctime is racy; the second where times are of whole seconds, and in
 * snapshots, which do not change.
 */
const racyWaitsMs = [110, 2000]

/**
 * Of ext2 to ext4, btrfs and tmpfs, by statfs(2): both of two entries that are exchanged in one
 * directory get another ctime. XFS gives it to the directory alone; of others nobody looked.
 */
const exchangeMovesBoth = [0xef53, 0x9123683e, 0x01021994]

/**
 * rsync follows symbolic links in the directories of a listed path. Whoever owns the tree could put
 * one in the place of a directory while rsync reads, and take it back. But whatever moves a
 * directory gives it another ctime, or the one that it is in.
 *
 * Looks at the directories above `paths` now, through no link, and gives a function that looks
 * again: it tells of which directories it cannot be said that they were there all the time; of a
 * snapshot, also that they were not.
 */
export async function watchDirectories(
  root: BytePath,
  paths: Iterable<BytePath>,
  isPublished = false,
): Promise<() => ReadonlySet<BytePath>> {
  // nothing comes and goes in a snapshot, so its root tells
  const isRootSilent = !isPublished && exchangeMovesBoth.includes(statfsSync(root).type)
  const directories = directoriesAbove(paths).filter((path) => path !== '' || !isRootSilent)

  let cutoffNs = racyCutoff()
  let before = look(root, directories)
  for (const ms of racyWaitsMs.slice(0, isPublished ? 2 : 1)) {
    if (![...before.values()].some(({ ctimeNs }) => isRacy(ctimeNs, cutoffNs))) break
    // most are old then
    await sleep(ms)
    cutoffNs = racyCutoff()
    before = look(root, directories)
  }

  return () => {
    const after = look(root, directories)
    const redirected = new Set<BytePath>()
    // those nearer to the root come first
    for (const directory of directories) {
      const seen = before.get(directory)
      const isMissing = seen === undefined && !after.has(directory)
      const isSame =
        seen !== undefined &&
        !isRacy(seen.ctimeNs, cutoffNs) &&
        seen.inode === after.get(directory)?.inode &&
        seen.ctimeNs === after.get(directory)?.ctimeNs

      const isThere = isSame || (isPublished && isMissing)
      if (!isThere || redirected.has(parentOf(directory))) redirected.add(directory)
    }

    return redirected
  }
}

function directoriesAbove(paths: Iterable<BytePath>): BytePath[] {
  const found = new Set<BytePath>()
  for (const path of paths) {
    for (let above = parentOf(path); !found.has(above); above = parentOf(above)) found.add(above)
  }
  return [...found].toSorted((one, other) => (one < other ? -1 : 1))
}

interface Seen {
  inode: bigint
  ctimeNs: bigint
}

function look(root: BytePath, directories: readonly BytePath[]): Map<BytePath, Seen> {
  using reader = new TreeReader(root)
  const seen = new Map<BytePath, Seen>()
  for (const directory of directories) {
    const stat = directory === '' ? lstatIfThere(`${root}/.`) : reader.lstat(directory)
    if (stat?.isDirectory() === true) {
      seen.set(directory, { inode: stat.ino, ctimeNs: stat.ctimeNs })
    }
  }

  return seen
}

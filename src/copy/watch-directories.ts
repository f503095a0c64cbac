import { statfsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BytePath, lstatIfThere } from '../system/byte-path.ts'
import { TreeReader } from './tree-reader.ts'

/** A ctime this young could be had again by a change that follows: the kernel's clock for ctimes moves in steps. */
const youngMs = 100
const clockStepMs = 10

/**
 * Of ext2 to ext4, btrfs and tmpfs, by statfs(2): both of two entries that are exchanged in one directory get another
 * ctime. XFS gives it to the directory alone; of others nobody looked.
 */
const exchangeMovesBoth = [0xef53, 0x9123683e, 0x01021994]

/**
 * rsync follows symbolic links in the directories of a listed path. Whoever owns the tree could put one in the
 * place of a directory while rsync reads, and take it back. But whatever moves a directory gives it another ctime, or
 * the one that it is in.
 *
 * Looks at the directories above `paths` now, through no link, and gives a function that looks again: it tells of
 * which directories it cannot be said that they were there all the time.
 */
export async function watchDirectories(
  root: BytePath,
  paths: Iterable<BytePath>,
): Promise<() => ReadonlySet<BytePath>> {
  const isRootSilent = exchangeMovesBoth.includes(statfsSync(root).type)
  const directories = directoriesAbove(paths).filter((path) => path !== '' || !isRootSilent)
  let began = nowNs()
  let before = look(root, directories)
  if ([...before.values()].some(({ ctimeNs }) => isYoung(ctimeNs, began, nowNs()))) {
    // most are older then
    await sleep(youngMs + clockStepMs)
    began = nowNs()
    before = look(root, directories)
  }
  return () => {
    const after = look(root, directories)
    const ended = nowNs()
    const doubtful = new Set<BytePath>()
    // those nearer to the root come first
    for (const directory of directories) {
      const seen = before.get(directory)
      const isSame =
        seen !== undefined &&
        !isYoung(seen.ctimeNs, began, ended) &&
        seen.inode === after.get(directory)?.inode &&
        seen.ctimeNs === after.get(directory)?.ctimeNs
      if (!isSame || doubtful.has(parentOf(directory))) doubtful.add(directory)
    }
    return doubtful
  }
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n
}

/** Whether a change in that time could have made this ctime; where a clock was set back some are yet to come. */
function isYoung(ctimeNs: bigint, began: bigint, ended: bigint): boolean {
  const margin = BigInt(youngMs) * 1_000_000n
  return ctimeNs > began - margin && ctimeNs < ended + margin
}

/** The empty path for what is in the root, which is held open. */
export function parentOf(path: BytePath): BytePath {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
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

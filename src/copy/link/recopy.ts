import { type BigIntStats, constants } from 'node:fs'
import type { RecordWarning } from '../../store/record.ts'
import { type BytePath } from '../../tree/byte-path.ts'
import { awaitNewCtimes } from './await-new-ctimes.ts'
import { removeBelow } from '../../tree/remove-entry.ts'
import { isOfSameSize } from '../index/proof.ts'
import { type RsyncTrees, rsyncFiles } from '../programs/copy-listed.ts'
import { eachPath, listPaths } from '../../tree/path-list.ts'
import { type CopyList, eachSeen, listSeen } from '../scan/copy-list.ts'
import { TreeReader } from '../../tree/tree-reader.ts'
import { warnOfPaths } from '../warnings.ts'

const mostRounds = 3

export interface Copied {
  list: CopyList
  /**
   * Whether each entry is known to be staged, of the type and size that it had when it was read.
   */
  isComplete: boolean
}
const typeBits = BigInt(constants.S_IFMT)

/**
 * Looks again at what was copied: a file whose inode or ctime is not what was seen before the copy
 * may have been read half old, half new. It is copied again, a few times; what will not hold still
 * is named in a warning, and so is what vanished before it was read, and what had vanished before
 * the copy. Says also whether anything moved at all, and of which paths the copy is not what the
 * scan saw: they may be that again, and are none the less to be copied the next time. `unread` is
 * what is not staged although it is there: where that may be, the caller tells of it.
 */
export async function recopyChangedFiles(
  trees: RsyncTrees,
  copied: readonly Copied[],
  vanishedBefore: Uint8Array = Buffer.alloc(0),
): Promise<{
  warnings: RecordWarning[]
  hasMoved: boolean
  unproven: BytePath[]
  unread: BytePath[]
}> {
  let vanished = [...eachPath(vanishedBefore)]
  let becameDirectories: BytePath[] = []
  const lookAgain = (copies: Copied): BytePath[] => {
    const found = compareWithSource(trees, copies)
    vanished = [...vanished, ...found.vanished]
    becameDirectories = [...becameDirectories, ...found.becameDirectories]
    return found.moved
  }

  let moving = copied.flatMap(lookAgain)
  const hasMoved = moving.length + vanished.length + becameDirectories.length > 0

  let unproven = moving
  for (let round = 0; round < mostRounds && moving.length > 0; round += 1) {
    const seen = see(trees.source.here, moving)
    await awaitNewCtimes(trees.source.cwd, [seen])
    unstage(trees.staging.here, moving)
    await rsyncFiles(trees, listPaths(moving))
    moving = lookAgain({ list: seen, isComplete: false })
    unproven = [...unproven, ...moving]
  }

  await stageEmpty(trees, becameDirectories)
  using staging = new TreeReader(trees.staging.here)
  const [unread = [], torn = []] = [false, true].map((isStaged) =>
    moving.filter((path) => (staging.lstat(path) !== undefined) === isStaged),
  )
  const warnings = [
    ...warnOfPaths('vanished', 'vanished while {it was|they were} read', vanished),
    ...warnOfPaths(
      'moving',
      'changed each time {it was|they were} read, and may be half old, half new',
      torn,
    ),
    ...warnOfPaths(
      'moving',
      'could not be read, and {is|are} not in the snapshot: somebody has a lease on {it|them}, or {it|they} became something else each time',
      trees.leavesUnreadable === true ? [] : unread,
    ),
    ...warnOfPaths(
      'moving',
      'became {a directory|directories} while {it was|they were} read, and what is in {it|these} is not in the snapshot',
      becameDirectories,
    ),
  ]
  return { warnings, hasMoved, unproven: [...unproven, ...vanished, ...becameDirectories], unread }
}

interface Found {
  moved: BytePath[]
  vanished: BytePath[]
  becameDirectories: BytePath[]
}

/**
 * Which files are not as they were seen or not staged as they are, and which are in neither tree
 * any more.
 */
function compareWithSource(trees: RsyncTrees, { list, isComplete }: Copied): Found {
  using source = new TreeReader(trees.source.here)
  using staging = new TreeReader(trees.staging.here)

  const moved: BytePath[] = []
  const vanished: BytePath[] = []
  const becameDirectories: BytePath[] = []
  for (const { path, inode, ctimeNs } of eachSeen(list)) {
    const stat = source.lstat(path)
    if (stat === undefined) {
      if (staging.lstat(path) === undefined) vanished.push(path)
    } else if (stat.isDirectory()) {
      becameDirectories.push(path)
    } else if (
      stat.ino !== inode ||
      stat.ctimeNs !== ctimeNs ||
      !(isComplete || looksEqual(stat, staging.lstat(path)))
    ) {
      moved.push(path)
    }
  }

  return { moved, vanished, becameDirectories }
}

/**
 * False for what was swapped in for the time of the copy, and out again, and for what a program
 * passed over.
 */
function looksEqual(source: BigIntStats, staged: BigIntStats | undefined): boolean {
  return (
    staged !== undefined &&
    ((source.mode ^ staged.mode) & typeBits) === 0n &&
    isOfSameSize(source, staged)
  )
}

/** Stages directories without what was copied of their contents. */
async function stageEmpty(trees: RsyncTrees, directories: readonly BytePath[]): Promise<void> {
  unstage(trees.staging.here, directories)
  await rsyncFiles(trees, listPaths(directories))
}

function see(source: string, paths: readonly BytePath[]): CopyList {
  using reader = new TreeReader(source)
  return listSeen(
    paths.map((path) => {
      const stat = reader.lstat(path)
      return { path, inode: stat?.ino ?? 0n, ctimeNs: stat?.ctimeNs ?? 0n }
    }),
  )
}

/** Removes what was staged: also a directory, of what was one for the time of the copy. */
function unstage(staging: string, paths: readonly BytePath[]): void {
  using reader = new TreeReader(staging)
  for (const path of paths) removeBelow(reader, path)
}

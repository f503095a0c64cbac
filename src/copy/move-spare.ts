import { closeSync, renameSync } from 'node:fs'
import { InterruptedError, OperationError, failureCauseOf, messageOf } from '../errors.ts'
import {
  type BytePath,
  bytePath,
  joinPath,
  lstatIfThere,
  openBelow,
  systemPath,
  throughDescriptor,
} from '../system/byte-path.ts'
import { type DirectoryHandle, openDirectory } from '../system/directory-handle.ts'
import { run } from '../system/run.ts'
import type { SpareRequest } from './engine.ts'
import type { RsyncTrees } from './rsync-files.ts'
import { listPaths } from './scan/path-list.ts'
import { readIndex } from './scan/read-index.ts'
import { SourceIndex } from './scan/source-index.ts'
import { TreeReader } from './tree-reader.ts'
import { parentOf } from './watch-directories.ts'

const startOver = 'its files are linked instead, one by one'

/** Two descriptors each are open at a time. */
const parentsAtATime = 100

/** The tree of a volume in a removed snapshot, and what its directories were when it was published. */
export interface Spare {
  tree: DirectoryHandle
  seal: Buffer
  leastMoved?: number
}

/** A spare is not what it was when the copy began, or cannot be used: the same copy without it will do. */
export class SpareError extends OperationError {
  override name = 'SpareError'
}

/** For what a copy with a spare threw: a SpareError where one without it may do, which not even a full disk can hope for. */
export function asSpareError(error: unknown): unknown {
  if (error instanceof InterruptedError || failureCauseOf(error) !== 'other') return error
  return new SpareError(
    `the copy made in advance could not be used (${messageOf(error)}): ${startOver}`,
    {
      cause: error,
    },
  )
}

/** Undefined where its seal is not whole. The caller closes the tree. */
export function openSpare(spare: SpareRequest | undefined): Spare | undefined {
  const seal = readIndex(spare?.seal)
  if (spare === undefined || seal === undefined) return undefined
  return { ...spare, tree: openDirectory(spare.tree), seal }
}

/**
 * Moves subtrees to where they are missing in staging, as the last that is done to it: who has a directory in one
 * of them open reaches the staged ones above it through `..`, and can exchange for links what a path of ours leads through.
 * So all is done through descriptors, and what has been moved has to be what was sealed.
 * Throws SpareError, such as when somebody changed the spare meanwhile; staging is of no use then, nor safe to write to.
 */
export async function moveFromSpare(
  { tree, seal }: Spare,
  trees: RsyncTrees,
  moves: readonly BytePath[],
): Promise<void> {
  const sealed = new SourceIndex(seal)
  if (moves.includes('')) {
    moveDirectory(bytePath(tree.path), bytePath(trees.target), inodeOf(sealed, ''))
    return
  }
  const parents = [...Map.groupBy(whoseParentStayed(trees.staging, moves), parentOf)]
  for (let start = 0; start < parents.length; start += parentsAtATime) {
    await moveInto(parents.slice(start, start + parentsAtATime), tree, sealed, trees)
  }
}

/** A directory that vanished from the source while it was copied is not in staging any more. */
function whoseParentStayed(staging: BytePath, moves: readonly BytePath[]): BytePath[] {
  using reader = new TreeReader(staging)
  const stayed = moves.filter((path) => {
    const parent = parentOf(path)
    return parent === '' || reader.lstat(parent) !== undefined
  })
  return stayed
}

/** Moves some subtrees below each of the parents, and gives these their times again. */
async function moveInto(
  parents: readonly (readonly [BytePath, readonly BytePath[]])[],
  tree: DirectoryHandle,
  sealed: SourceIndex,
  trees: RsyncTrees,
): Promise<void> {
  const opened: number[] = []
  const open = (root: BytePath, path: BytePath): number => {
    const descriptor = openBelow(root, path)
    if (descriptor === undefined) throw changed()
    opened.push(descriptor)
    return descriptor
  }
  try {
    const times: string[] = []
    for (const [parent, paths] of parents) {
      const from = throughDescriptor(open(tree.here, parent))
      const target = open(trees.staging, parent)
      const to = throughDescriptor(target)
      const mtimeNs = lstatIfThere(`${to}/.`)?.mtimeNs ?? 0n
      for (const path of paths) {
        const name = path.slice(joinPath(parent, '').length)
        moveDirectory(`${from}/${name}`, `${to}/${name}`, inodeOf(sealed, path))
      }
      times.push(`@${formatSeconds(mtimeNs)}`, `/proc/${process.pid}/fd/${target}`)
    }
    await setModificationTimes(times, trees)
  } finally {
    for (const descriptor of opened) closeSync(descriptor)
  }
}

/** rename(2) moves neither mode nor owner, and in an empty directory's place it puts the one that is moved. */
function moveDirectory(from: BytePath, to: BytePath, inode: bigint | undefined): void {
  try {
    renameSync(systemPath(from), systemPath(to))
  } catch (error) {
    const why = `a directory could not be moved out of the snapshot that was removed before (${messageOf(error)})`
    throw new SpareError(`${why}: ${startOver}`, { cause: error })
  }
  const stat = lstatIfThere(to)
  if (stat?.isDirectory() !== true || stat.ino !== inode) throw changed()
}

function inodeOf(sealed: SourceIndex, path: BytePath): bigint | undefined {
  return sealed.directory(path).entry('.')?.inode
}

function changed(): SpareError {
  return new SpareError(`somebody changed the snapshot that was removed before: ${startOver}`)
}

/** As touch(1) takes it; Node's own utimes rounds to 238 ns. */
function formatSeconds(ns: bigint): string {
  const sign = ns < 0n ? '-' : ''
  const digits = (ns < 0n ? -ns : ns).toString().padStart(10, '0')
  return `${sign}${digits.slice(0, -9)}.${digits.slice(-9)}`
}

/** `times` are pairs: a time, and a path to what gets it. */
async function setModificationTimes(
  times: readonly string[],
  { lockDescriptor, signal }: RsyncTrees,
): Promise<void> {
  const touch = ['touch', '-m', '-c', '-d']
  const { exitCode, stderr } = await run('xargs', ['-0', '-n', '2', ...touch], {
    descriptor3: lockDescriptor,
    signal,
    input: Buffer.from(listPaths(times)),
  })
  if (exitCode === 0) return
  throw new SpareError(
    `directories could not be given their times (${stderr.trim()}): ${startOver}`,
  )
}

import { closeSync, linkSync, mkdirSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { OperationError, errorCode, messageOf, throwIfInterrupted } from '../errors.ts'
import {
  type BytePath,
  joinPath,
  lstatIfReachable,
  lstatIfThere,
  openBelow,
  readNames,
  systemPath,
  throughDescriptor,
} from '../system/byte-path.ts'
import { type DirectoryHandle, openDirectory } from '../system/directory-handle.ts'
import { rsyncDirectories } from './rsync-files.ts'
import { listPaths } from './scan/path-list.ts'
import { readIndex } from './scan/read-index.ts'
import { sealTree } from './scan/seal-tree.ts'
import { SourceIndex } from './scan/source-index.ts'

/** So many entries between two looks at what else there is to do. */
const linksAtATime = 500

export interface MakeSpareRequest {
  /** A volume in the newest snapshot, and the seal beside it. */
  model: string
  seal: string
  /** An empty directory on the same filesystem. */
  target: string
  /** Inherited by the programs that write, so that the lock outlives this process. */
  lockDescriptor: number
  signal?: AbortSignal | undefined
}

/**
 * Makes a tree of links that is the same as the model, with directories of its own, and returns its seal: a spare for the
 * next snapshot, as if retention had removed a copy of the newest one.
 * Throws OperationError when the model is not what it was sealed as, so that nothing that somebody did to it gets into another
 * snapshot; InterruptedError.
 */
export async function makeSpare(request: MakeSpareRequest): Promise<Buffer> {
  const { model, target, lockDescriptor, signal } = request
  const seal = readIndex(request.seal)
  if (seal === undefined) throw new OperationError(`${request.seal} is not whole`)
  const sealed = new SourceIndex(seal)
  using source = openDirectory(model)
  try {
    using staging = openDirectory(target)
    const directories = await linkTree(source, staging, new Set(sealed.directories()), signal)
    await rsyncDirectories(
      { source, target, staging: staging.here, lockDescriptor, signal },
      listPaths(directories.map((path) => (path === '' ? '.' : path))),
    )
    assertSealed(source, sealed)
    return sealTree(target, seal)
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    throw new OperationError(`${model} cannot be copied: ${messageOf(error)}`, { cause: error })
  }
}

/** Returns the directories that it made, the root among them. */
async function linkTree(
  source: DirectoryHandle,
  target: DirectoryHandle,
  known: ReadonlySet<BytePath>,
  signal: AbortSignal | undefined,
): Promise<BytePath[]> {
  const directories: BytePath[] = ['']
  for (const directory of directories) {
    const from = openBelow(source.here, directory)
    let to: number | undefined
    try {
      to = openBelow(target.here, directory)
      if (from === undefined || to === undefined) throw changed(source)
      const names = readNames(throughDescriptor(from))
      for (const [position, name] of names.entries()) {
        if (position % linksAtATime === 0) {
          await nextTurn()
          throwIfInterrupted(signal)
        }
        const path = joinPath(directory, name)
        const entry = {
          from: `${throughDescriptor(from)}/${name}`,
          to: `${throughDescriptor(to)}/${name}`,
        }
        if (!known.has(path) && isLinked(entry)) continue
        mkdirSync(systemPath(entry.to), 0o700)
        directories.push(path)
      }
    } finally {
      for (const descriptor of [from, to]) if (descriptor !== undefined) closeSync(descriptor)
    }
  }
  return directories
}

/** False for a directory. */
function isLinked({ from, to }: { from: BytePath; to: BytePath }): boolean {
  try {
    linkSync(systemPath(from), systemPath(to))
    return true
  } catch (error) {
    // link(2) says of a directory what it says where there are no links at all
    if (errorCode(error) === 'EPERM' && lstatIfThere(from)?.isDirectory() === true) return false
    throw error
  }
}

/** After all has been read: whatever was changed before, or meanwhile, has moved the ctime of a directory. */
function assertSealed(source: DirectoryHandle, sealed: SourceIndex): void {
  for (const path of sealed.directories()) {
    const stat = lstatIfReachable(`${source.here}/${joinPath(path, '.')}`)
    const isSame = stat !== undefined && sealed.directory(path).matches('.', stat.ino, stat.ctimeNs)
    if (!isSame) throw changed(source)
  }
}

function changed({ path }: DirectoryHandle): OperationError {
  return new OperationError(`somebody changed ${path}, a snapshot`)
}

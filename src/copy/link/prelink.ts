import { linkSync, lstatSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { OperationError, errorCode, messageOf, throwIfInterrupted } from '../../errors.ts'
import { bytePath, joinPath, lstatIfThere, readKinds, systemPath } from '../../tree/byte-path.ts'
import { type DirectoryHandle, openDirectory } from '../../tree/directory-handle.ts'
import { type Excludes, compileExcludes } from '../../tree/excludes.ts'
import { foreignMounts } from '../../system/mounts.ts'
import { LeftOutAttributes } from '../left-out-attributes.ts'
import { rsyncDirectories } from '../programs/copy-listed.ts'
import { PathList } from '../../tree/path-list.ts'
import { makeDirectory } from '../scan/stage-entry.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

/** So many entries between two looks at what else there is to do. */
const linksAtATime = 500

/**
 * What link(2) says where there are too many links already, of what is immutable, or mounted over.
 */
const left = ['EMLINK', 'EPERM', 'EACCES', 'EXDEV', 'ENOENT', 'ENOTDIR', 'EEXIST']

export interface PrelinkRequest {
  /**
   * A volume in the newest snapshot, and its index, which was written when the tree was finished.
   */
  model: string
  index: string
  /** An empty directory on the same filesystem that nobody else can reach. */
  target: string
  /** Patterns of what the next snapshot leaves out. */
  exclude: readonly string[]
  /** Inherited by the programs that write, so that the lock outlives this process. */
  lockDescriptor: number
  signal?: AbortSignal | undefined
}

/**
 * Makes a tree of links to a snapshot, with directories of its own: what the next snapshot begins
 * with. What cannot be linked is left out, and the root gets no attributes, because the next
 * snapshot sees to both. Throws OperationError where it cannot be made; InterruptedError.
 */
export async function prelink(request: PrelinkRequest): Promise<void> {
  const { model, index, target, exclude, lockDescriptor, signal } = request
  using source = openDirectory(model)
  try {
    using staging = openDirectory(target)
    const { ctimeNs } = lstatSync(index, { bigint: true })
    const excludes = compileExcludes(exclude)
    const directories = await linkTree(source, staging, excludes, ctimeNs, signal)
    await assertCanBeKept(source, directories, signal)

    const trees = { source, staging: { cwd: target, here: staging.here }, lockDescriptor, signal }
    // those above that are not in the list keep what they have
    await rsyncDirectories(trees, directories.bytes(), ['--no-implied-dirs'])
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    throw new OperationError(`${model} cannot be linked: ${messageOf(error)}`, { cause: error })
  }
}

/** What is proven keeps the attributes that it is given here, and nobody would look at it again. */
async function assertCanBeKept(
  { cwd, path }: DirectoryHandle,
  directories: PathList,
  signal: AbortSignal | undefined,
): Promise<void> {
  const leftOut = new LeftOutAttributes()
  await leftOut.look(cwd, [directories.bytes()], signal)
  const [warning] = leftOut.warnings()
  if (warning !== undefined) throw new OperationError(`${path} is not linked: ${warning.message}`)
}

/**
 * Returns the directories that it made, but for those that somebody changed since they were
 * finished.
 */
async function linkTree(
  source: DirectoryHandle,
  target: DirectoryHandle,
  excludes: Excludes,
  finishedNs: bigint,
  signal: AbortSignal | undefined,
): Promise<PathList> {
  using from = new TreeReader(source.here)
  using to = new TreeReader(target.here)
  const mounts = foreignMounts(bytePath(source.path))
  const directories = new PathList()

  const pending = ['']
  let untilTurn = 1
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const [model, copy] = [from.enter(directory), to.enter(directory)]
    if (model === undefined || copy === undefined) continue

    for (const { name, isDirectory } of readKinds(model) ?? []) {
      untilTurn -= 1
      if (untilTurn === 0) {
        untilTurn = linksAtATime
        await nextTurn()
        throwIfInterrupted(signal)
      }

      const path = joinPath(directory, name)
      if (excludes.has(path, isDirectory)) continue

      if (!isDirectory) linkIfAllowed(`${model}/${name}`, `${copy}/${name}`)
      else if (!mounts.has(path)) {
        makeDirectory(`${copy}/${name}`)
        const stat = lstatIfThere(`${model}/${name}`)
        if (stat !== undefined && stat.ctimeNs <= finishedNs) directories.add(path)
        pending.push(path)
      }
    }
  }

  return directories
}

function linkIfAllowed(from: string, to: string): void {
  try {
    linkSync(systemPath(from), systemPath(to))
  } catch (error) {
    if (!left.includes(errorCode(error) ?? '')) throw error
  }
}

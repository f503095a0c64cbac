import { setImmediate as nextTurn } from 'node:timers/promises'
import { throwIfInterrupted } from '../errors.ts'
import { type BytePath, displayPath, joinPath, readNames } from '../system/byte-path.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { CopyProgress, RestoreStep } from './engine.ts'
import { reflinkFiles } from './reflink.ts'
import { rsync } from './rsync-command.ts'
import { readProgress } from './rsync-output.ts'
import { rsyncCounting } from './rsync-steps.ts'
import { PathList } from './scan/path-list.ts'
import { TreeReader } from './tree-reader.ts'

/** What a clone of a tree would hold. */
export interface CloneSurvey {
  files: number
  bytes: number
  /** Files of one name, whose contents can be shared; those of several are left to rsync, which keeps the groups. */
  single: Uint8Array
  /** Directories that are subvolumes or other filesystems: a clone would not hold what is in them. */
  foreign: string[]
}

export interface CloneRequest {
  source: DirectoryHandle
  /** Another directory of the same filesystem. */
  target: DirectoryHandle
  lockDescriptor: number
  signal?: AbortSignal | undefined
}

/** Lists what is below an open directory, following no link and entering no other filesystem. */
export async function surveyForClone(
  source: DirectoryHandle,
  signal?: AbortSignal,
): Promise<CloneSurvey> {
  using reader = new TreeReader(source.here)
  const device = reader.lstat('.')?.dev
  const single = new PathList()
  const foreign: string[] = []
  const pending: BytePath[] = ['']
  let files = 0
  let bytes = 0
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    await nextTurn()
    throwIfInterrupted(signal)
    for (const name of reader.at(joinPath(next, '.'), readNames) ?? []) {
      const path = joinPath(next, name)
      const stat = reader.lstat(path)
      if (stat?.isDirectory() === true) {
        if (stat.dev === device) pending.push(path)
        else foreign.push(displayPath(path))
      } else if (stat?.isFile() === true) {
        files += 1
        bytes += Number(stat.size)
        if (stat.nlink === 1n) single.add(path)
      }
    }
  }
  return { files, bytes, single: single.bytes(), foreign }
}

/**
 * Copies a tree into an empty directory with all that rsync keeps; large files share their extents with the
 * source. What changes meanwhile is for `findDifferences` to find.
 */
export async function cloneTree(
  { source, target, lockDescriptor, signal }: CloneRequest,
  single: Uint8Array,
  onProgress: (progress: CopyProgress) => void,
): Promise<void> {
  const options = { cwd: source.cwd, isLive: true, lockDescriptor, signal }
  await rsync(['--filter=-! */', '--', './', `${target.cwd}/`], options)
  reflinkFiles(source.here, target.here, single)
  // files that are there are clones: what they lack are attributes
  await rsync(['--size-only', '--info=progress2', '--', './', `${target.cwd}/`], {
    ...options,
    onOutput: readProgress(onProgress),
  })
}

/** Compares two trees by all contents and attributes; changes nothing. */
export async function findDifferences(request: CloneRequest): Promise<RestoreStep[]> {
  const { source, target, lockDescriptor, signal } = request
  const differences: RestoreStep[] = []
  await rsyncCounting(
    ['--dry-run', '--checksum', '--delete', '--', './', `${target.cwd}/`],
    { cwd: source.cwd, lockDescriptor, signal },
    (step) => differences.push(step),
  )
  return differences
}

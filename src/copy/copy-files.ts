import { availableParallelism } from 'node:os'
import { run } from '../system/run.ts'
import type { CopyProgress } from './engine.ts'
import { type RsyncTrees, copyWatched, rsyncFiles } from './rsync-files.ts'
import type { CopyList } from './scan/scan-report.ts'
import { watchSpace } from './watch-space.ts'

const mostProcesses = 4
const mostPathsEach = 2000

/**
 * Copies listed entries that have one name each and are not in staging, with all that rsync keeps but in half of its time:
 * by cp(1), a process a core. Where the filesystem can, contents are shared with the source (reflinks), and each file
 * is taken at one instant. What cp could not copy, or not with all attributes, is left to rsync.
 * Returns whether cp copied all: then each entry is staged as what its name was.
 */
export async function copyFiles(
  trees: RsyncTrees,
  list: CopyList,
  onProgress: (progress: CopyProgress) => void,
): Promise<boolean> {
  if (list.paths.length === 0) return true
  const stopWatching = watchSpace(trees.staging, list, onProgress)
  let isComplete = false
  try {
    await copyWatched(trees, list.paths, async () => {
      isComplete = await copyByProcesses(trees, list.paths)
    })
  } finally {
    stopWatching()
  }
  if (isComplete) onProgress(completed(list))
  else await rsyncFiles(trees, list.paths, ['--info=progress2'])
  return isComplete
}

function completed({ files, bytes }: CopyList): CopyProgress {
  return { files, totalFiles: files, bytes, fraction: 1 }
}

/** False when a process failed at anything. */
async function copyByProcesses(
  { source, target, lockDescriptor, signal }: RsyncTrees,
  paths: Uint8Array,
): Promise<boolean> {
  const processes = String(Math.min(availableParallelism(), mostProcesses))
  const share = ['-0', '-P', processes, '-n', String(mostPathsEach)]
  // recursive, because cp would read from a pipe otherwise; directories are in no list
  const faithful = ['-R', '-d', '-x', '--preserve=mode,ownership,timestamps,xattr']
  // it would write into a file that is there, and through it into history if that were a link to the base
  const anew = '--remove-destination'
  const { exitCode } = await run(
    'xargs',
    [...share, 'cp', ...faithful, anew, '--parents', '-t', target, '--'],
    {
      cwd: source.cwd,
      descriptor3: lockDescriptor,
      signal,
      input: Buffer.from(paths.buffer, paths.byteOffset, paths.length),
    },
  )
  return exitCode === 0
}

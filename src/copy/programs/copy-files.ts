import { spawn } from '../../system/spawn.ts'
import type { CopyProgress } from '../engine.ts'
import { canReflink } from '../reflink.ts'
import { type RsyncTrees, copyByDepth, copyWatched, rsyncFiles } from './copy-listed.ts'
import type { CopyList } from '../scan/copy-list.ts'
import { unblockCp } from './unblock.ts'
import { watchSpace } from './progress-by-space.ts'
import { syncWhileCopying } from './sync-while-copying.ts'

/** More than there are cores, because each waits for the disk most of the time. */
const processes = 8
const mostPathsEach = 2000

/**
 * What cp says, and ends well, of a file that it leaves out: one whose directory is mounted a second
 * time in the volume has the same name in the same directory for it (copy.c and same_name in
 * coreutils).
 */
const leftOutAsSecond = 'specified more than once'

/** What cp says of a file where `--reflink=always` cannot be done. */
const failedToClone = 'failed to clone'

export type FilesToCopy = Pick<CopyList, 'paths' | 'files' | 'bytes'>

export interface FilesCopied {
  /** Whether cp copied all: then each entry is staged as what its name was. */
  isComplete: boolean
  /**
   * Whether what was copied shares its contents with the source; undefined where there are none, or
   * nobody knows.
   */
  reflink: boolean | undefined
}

/**
 * Copies listed entries that have one name each and are not in staging, with all that rsync keeps
 * but in half of its time: by cp(1), several at a time. Where the filesystem can, contents are
 * shared with the source (reflinks), and each file is taken at one instant. What cp could not copy,
 * or not with all attributes, is left to rsync.
 */
export async function copyFiles(
  trees: RsyncTrees,
  list: FilesToCopy,
  onProgress: (progress: CopyProgress) => void,
): Promise<FilesCopied> {
  if (list.paths.length === 0) return { isComplete: true, reflink: undefined }
  const stopWatching = watchSpace(trees.staging.here, list, onProgress)
  const stopWriting = syncWhileCopying(trees.staging.cwd, trees.signal)

  let copied: FilesCopied = { isComplete: false, reflink: undefined }
  let wasRedirected = false
  try {
    wasRedirected = await copyWatched(trees, list.paths, async () => {
      copied = await copyOrClone(trees, list)
    })
  } finally {
    stopWatching()
    await stopWriting()
  }

  if (copied.isComplete) onProgress(completed(list))
  else await rsyncFiles(trees, list.paths, ['--info=progress2'])
  return { ...copied, isComplete: copied.isComplete && !wasRedirected }
}

async function copyOrClone(trees: RsyncTrees, { paths, bytes }: FilesToCopy): Promise<FilesCopied> {
  let reflink = canReflink(trees.source.here, trees.staging.here, paths)
  if (reflink === undefined && bytes > 0) {
    // all of them are large: to try it with one takes as long as to do it
    const { isComplete, stderr } = await copyByProcesses(trees, paths, 'always')
    if (isComplete) return { isComplete, reflink: true }
    if (stderr.includes(failedToClone)) reflink = false
  }

  const { isComplete } = await copyByProcesses(trees, paths, 'auto')
  return { isComplete, reflink }
}

function completed({ files, bytes }: FilesToCopy): CopyProgress {
  return { files, totalFiles: files, bytes, fraction: 1 }
}

/** Tells whether all was copied, and what the programs said. */
async function copyByProcesses(
  trees: RsyncTrees,
  paths: Uint8Array,
  reflink: 'auto' | 'always',
): Promise<{ isComplete: boolean; stderr: string }> {
  const share = ['-0', '-P', String(processes), '-n', String(mostPathsEach)]
  // recursive, because cp would read from a pipe otherwise; directories are in no list
  const faithful = ['-R', '-d', '-x', '--preserve=mode,ownership,timestamps,xattr']

  // it would write into a file that is there, and through it into history if that were a link to
  // the base
  const anew = '--remove-destination'
  const words = ['cp', ...faithful, `--reflink=${reflink}`, anew, '--parents', '-t']

  const all = { isComplete: true, stderr: '' }
  await copyByDepth(trees, paths, async ({ source, staging, lockDescriptor, signal }, list) => {
    const { exitCode, stderr } = await spawn('xargs', [...share, ...words, staging.cwd, '--'], {
      cwd: source.cwd,
      descriptor3: lockDescriptor,
      signal,
      onStart: unblockCp,
      input: Buffer.from(list.buffer, list.byteOffset, list.length),
    })

    all.isComplete &&= exitCode === 0 && !stderr.includes(leftOutAsSecond)
    all.stderr += stderr
  })
  return all
}

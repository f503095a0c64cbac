import { linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorCode } from '../../errors.ts'
import { type BytePath, bytePath, parentOf, systemPath } from '../../tree/byte-path.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { foreignMounts } from '../../system/mounts.ts'
import { copyFiles } from '../programs/copy-files.ts'
import type { CopyProgress } from '../engine.ts'
import { RsyncError } from '../programs/rsync-command.ts'
import {
  type RsyncTrees,
  rsyncFiles,
  separateMergedPaths,
  unlinkAll,
} from '../programs/copy-listed.ts'
import { recopyCapabilities } from '../programs/lost-capabilities.ts'
import { PathList, eachPath } from '../../tree/path-list.ts'
import type { ScanResult } from '../scan/report.ts'
import { type Compared, compareSparse } from '../programs/sparse.ts'
import { TreeReader } from '../../tree/tree-reader.ts'
import { watchDirectories } from '../programs/guard-directories.ts'

/** What differs from the base is copied, what turns out equal is linked. */
export async function verifyAndCopy(
  trees: RsyncTrees,
  base: string | undefined,
  { toVerify: { paths }, origins, moved }: ScanResult,
  onProgress: (progress: CopyProgress) => void,
): Promise<void> {
  if (paths.length === 0) return
  // rsync would look at what is mounted over the base
  const usable = base !== undefined && foreignMounts(bytePath(base)).size === 0 ? base : undefined
  const { dense, same, other } = await divide(trees, usable, paths, origins)
  if (usable === undefined) await rsyncFiles(trees, dense.bytes(), progress)
  else await compareWithBase(trees, usable, { dense, same }, origins)

  await copyFiles(trees, { paths: other.bytes(), files: other.count, bytes: 0 }, onProgress)
  await separateMergedPaths(
    trees,
    [...eachPath(paths)],
    findShared(trees.staging.here, paths, moved.paths),
  )
}

/**
 * Those that were moved and are linked to the same file of the base as a suspect, which came into
 * its place.
 */
function findShared(staging: string, paths: Uint8Array, moved: Uint8Array): BytePath[] {
  if (moved.length === 0) return []
  using reader = new TreeReader(staging)
  const inodes = new Set(Array.from(eachPath(paths), (path) => reader.lstat(path)?.ino))
  return [...eachPath(moved)].filter((path) => inodes.has(reader.lstat(path)?.ino))
}

const progress = ['--info=progress2']

/**
 * rsync links by path what it has compared. Where somebody exchanges directories of the base
 * meanwhile, that is not what it links, or it fails: then the files are copied.
 */
async function compareWithBase(
  trees: RsyncTrees,
  base: string,
  { dense, same }: Pick<Compared, 'dense' | 'same'>,
  origins: ReadonlyMap<BytePath, BytePath>,
): Promise<void> {
  const paths = Buffer.concat([dense.bytes(), same.bytes()])
  const shadow = linkRenamed(trees.staging.cwd, base, origins)
  const places = [base, shadow].filter((place) => place !== undefined)
  using opened = openDirectory(base)
  const findSwapped = await watchDirectories(opened.here, eachPath(paths), true)

  let hasFailed = false
  try {
    await rsyncFiles(trees, dense.bytes(), [...progress, '--checksum'], places)
    // by size and mtime, which are equal
    await rsyncFiles(trees, same.bytes(), progress, places)
  } catch (error) {
    if (!(error instanceof RsyncError) || error.failure !== 'other') throw error
    hasFailed = true
  } finally {
    if (shadow !== undefined) rmSync(shadow, { recursive: true })
  }

  if (!hasFailed && findSwapped().size === 0) {
    await recopyCapabilities(trees, paths)
    return
  }
  // all, because names of one file may be in several directories
  unlinkAll(trees.staging.here, eachPath(paths))
  await rsyncFiles(trees, paths)
}

/** Of files with several names rsync has to copy all at a time. */
async function divide(
  { source, staging }: RsyncTrees,
  base: string | undefined,
  paths: Uint8Array,
  origins: ReadonlyMap<BytePath, BytePath>,
): Promise<Compared> {
  using opened = base === undefined ? undefined : openDirectory(base)
  const compared = await compareSparse(
    source.here,
    opened?.here ?? staging.here,
    paths,
    (path) => origins.get(path) ?? path,
  )

  using reader = new TreeReader(source.here)
  const single = new PathList()
  for (const path of eachPath(compared.other.bytes())) {
    const hasOne = reader.lstat(path)?.nlink === 1n
    ;(hasOne ? single : compared.dense).add(path)
  }

  return { ...compared, other: single }
}

/**
 * Gives the base's files their new paths, in a tree beside the target: rsync compares files of one
 * path only.
 */
function linkRenamed(
  target: string,
  base: string,
  origins: ReadonlyMap<BytePath, BytePath>,
): string | undefined {
  if (origins.size === 0) return undefined
  const shadow = mkdtempSync(join(dirname(target), '.renamed-'))
  using reader = new TreeReader(bytePath(base))
  for (const [path, from] of origins) {
    try {
      mkdirSync(systemPath(`${bytePath(shadow)}/${parentOf(path)}`), { recursive: true })
      reader.at(from, (file) =>
        linkSync(systemPath(file), systemPath(`${bytePath(shadow)}/${path}`)),
      )
    } catch (error) {
      // it is copied then
      if (!['EMLINK', 'EPERM', 'EACCES', 'EXDEV', 'ENAMETOOLONG'].includes(errorCode(error) ?? ''))
        throw error
    }
  }

  return shadow
}

import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { errorCode } from '../errors.ts'
import { type BytePath, systemPath } from '../system/byte-path.ts'
import { eachPath } from './scan/path-list.ts'
import { TreeReader } from './tree-reader.ts'
import { type Workshop, openWorkshop } from './workshop.ts'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, COPYFILE_FICLONE_FORCE, COPYFILE_EXCL } = constants

/** Smaller files gain nothing: a copy costs about as much as a clone. */
const smallestBytes = 64 * 1024

/** To clone a larger one just to see whether that works may take long: as long as it has extents. */
const largestTriedBytes = 1024 * 1024

/** What errors say that these two filesystems cannot share extents (ioctl_ficlone(2)). */
const cannotClone = ['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY', 'EPERM']

/**
 * Whether contents copied from `source` to the filesystem of `directory` can be shared with it, tried there with the
 * first of the listed files that has any and is small; undefined when there is none.
 */
export function canReflink(
  source: string,
  directory: string,
  paths: Uint8Array,
): boolean | undefined {
  using from = new TreeReader(source)
  const probe = `${directory}/.snap-volume.${randomUUID()}`
  try {
    for (const path of eachPath(paths)) {
      const stat = from.lstat(path)
      if (stat?.isFile() !== true || stat.size === 0n || stat.size > largestTriedBytes) continue
      const result = cloneFile(from, path, 1, (descriptor) => {
        copyFileSync(descriptor, probe, COPYFILE_FICLONE_FORCE | COPYFILE_EXCL)
        return true
      })
      if (result !== 'skipped') return result === 'cloned'
    }
    return undefined
  } finally {
    rmSync(probe, { force: true })
  }
}

/**
 * Clones the contents of the listed regular files into staging, sharing their extents with the source; each
 * is taken at one instant. Attributes are left to rsync. Stops at the first file that shows that the
 * filesystems cannot do it.
 * Returns the paths that were cloned.
 */
export function reflinkFiles(source: string, staging: string, paths: Uint8Array): BytePath[] {
  return cloneAll(source, staging, paths, (from, to) =>
    copyFileSync(from, systemPath(to), COPYFILE_FICLONE_FORCE | COPYFILE_EXCL),
  )
}

/**
 * The same for files that may be there already: each clone is made in a directory of ours first, where nobody can
 * run it with our rights, and then takes the place of the old file by a rename, so that a crash leaves the one or the other.
 */
export function replaceByReflinks(source: string, target: string, paths: Uint8Array): BytePath[] {
  let workshop: Workshop | undefined
  try {
    return cloneAll(source, target, paths, (from, trusted) => {
      workshop ??= openWorkshop(target)
      // one is there already when the directory of the file before was gone
      copyFileSync(from, workshop.entry, COPYFILE_FICLONE_FORCE)
      // it has the mode of its source, which may be that of a program of somebody else
      chmodSync(workshop.entry, 0o600)
      renameSync(workshop.entry, systemPath(trusted))
    })
  } finally {
    workshop?.remove()
  }
}

type Clone = (from: string, to: BytePath) => void

function cloneAll(source: string, target: string, paths: Uint8Array, clone: Clone): BytePath[] {
  using from = new TreeReader(source)
  using to = new TreeReader(target)
  const cloned: BytePath[] = []
  for (const path of eachPath(paths)) {
    const result = cloneFile(from, path, smallestBytes, (descriptor) =>
      to.at(path, (trusted) => {
        clone(descriptor, trusted)
        return true
      }),
    )
    if (result === 'impossible') break
    if (result === 'cloned') cloned.push(path)
  }
  return cloned
}

/** Undefined for what has become something else since it was looked at, such as a device. */
function openFile(from: TreeReader, path: BytePath): number | undefined {
  try {
    return from.at(path, (trusted) =>
      openSync(systemPath(trusted), O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
    )
  } catch (error) {
    if (['ENXIO', 'ENODEV'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}

function cloneFile(
  from: TreeReader,
  path: BytePath,
  leastBytes: number,
  clone: (descriptor: string) => unknown,
): 'cloned' | 'skipped' | 'impossible' {
  if (from.lstat(path)?.isFile() !== true) return 'skipped'
  const descriptor = openFile(from, path)
  if (descriptor === undefined) return 'skipped'
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile() || stat.size < leastBytes) return 'skipped'
    return clone(`/proc/self/fd/${descriptor}`) === true ? 'cloned' : 'skipped'
  } catch (error) {
    if (cannotClone.includes(errorCode(error) ?? '')) return 'impossible'
    throw error
  } finally {
    closeSync(descriptor)
  }
}

import { randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { errorCode } from '../errors.ts'
import { systemPath } from '../tree/byte-path.ts'
import { eachPath } from '../tree/path-list.ts'
import { TreeReader } from '../tree/tree-reader.ts'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, COPYFILE_FICLONE_FORCE, COPYFILE_EXCL } = constants

/**
 * To clone a larger one just to see whether that works may take long: as long as it has extents.
 */
const largestTriedBytes = 1024 * 1024

/** What errors say that these two filesystems cannot share extents (ioctl_ficlone(2)). */
const cannotClone = ['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY', 'EPERM']

/**
 * Whether contents copied from `source` to the filesystem of `directory` can be shared with it,
 * tried there with the first of the listed files that has any and is small; undefined when there is
 * none.
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
      const answer = from.at(path, (file) => tryClone(systemPath(file), probe))
      if (answer !== undefined) return answer
    }
    return undefined
  } finally {
    rmSync(probe, { force: true })
  }
}

/** The same within the filesystem of `directory`, by two small files there. */
export function canReflinkIn(directory: string): boolean {
  const probe = `${directory}/.snap-volume.${randomUUID()}`
  try {
    writeFileSync(probe, 'x'.repeat(4096), { flag: 'wx', mode: 0o600 })
    return tryClone(probe, `${probe}.clone`) === true
  } finally {
    for (const file of [probe, `${probe}.clone`]) rmSync(file, { force: true })
  }
}

/** Undefined where the file tells nothing. */
function tryClone(file: string | Buffer, probe: string): boolean | undefined {
  let descriptor: number
  try {
    descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    // the copy tells what is wrong, if it finds the same
    if (errorCode(error) !== undefined) return undefined
    throw error
  }

  try {
    if (!fstatSync(descriptor).isFile()) return undefined
    copyFileSync(`/proc/self/fd/${descriptor}`, probe, COPYFILE_FICLONE_FORCE | COPYFILE_EXCL)
    return true
  } catch (error) {
    if (cannotClone.includes(errorCode(error) ?? '')) return false
    throw error
  } finally {
    closeSync(descriptor)
  }
}

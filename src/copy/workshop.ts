import { randomUUID } from 'node:crypto'
import { closeSync, constants, fstatSync, mkdirSync, openSync, rmSync, rmdirSync } from 'node:fs'
import { OperationError, errorCode } from '../errors.ts'
import { isGone, throughDescriptor } from '../system/byte-path.ts'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants

/** A directory in live data that nobody else can enter, for one entry at a time that is not in its place yet. */
export interface Workshop {
  /** Where the entry is made; what is there is gone with `remove`. */
  entry: string
  remove(): void
}

/** Makes one in `directory`, a path through an open directory. */
export function openWorkshop(directory: string): Workshop {
  const path = `${directory}/.snap-volume.${randomUUID()}`
  mkdirSync(path, 0o700)
  using opening = new DisposableStack()
  const descriptor = opening.adopt(openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), closeSync)
  const entry = `${throughDescriptor(descriptor)}/entry`
  const { uid, mode } = fstatSync(descriptor)
  if (uid !== process.geteuid?.() || (mode & 0o077) !== 0) {
    throw new OperationError(
      `somebody put another directory in the place of ${path}, or the filesystem keeps no owners and modes: restore again, there with --checksum`,
    )
  }
  const opened = opening.move()
  return {
    entry,
    remove() {
      try {
        rmSync(entry, { force: true })
      } finally {
        opened.dispose()
        removeIfOurs(path)
      }
    },
  }
}

/** What somebody put into its place, or moved it to, is not ours to remove, and must not hide another error. */
function removeIfOurs(path: string): void {
  try {
    rmdirSync(path)
  } catch (error) {
    if (!isGone(error) && errorCode(error) !== 'ENOTEMPTY') throw error
  }
}

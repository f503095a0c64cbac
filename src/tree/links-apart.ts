import { lchownSync, lutimesSync, symlinkSync } from 'node:fs'
import { OperationError, errorCode } from '../errors.ts'
import type { DirectoryHandle } from './directory-handle.ts'
import { PrivateDirectory } from './private-directory.ts'

/**
 * Tries whether a filesystem gives the owner and times of a symbolic link to what it leads to, as
 * sshfs does: a restore would change files outside the volume. It tries it with a link of its own
 * that leads nowhere. Throws OperationError where it does.
 */
export function assertLinksApart({ here, path }: DirectoryHandle): void {
  using room = new PrivateDirectory(here)
  const link = `${room.here}/link`
  symlinkSync('nothing', link)

  const isFollowed = [() => lutimesSync(link, 1, 1), () => lchownSync(link, 1, 1)].some(
    findsNothing,
  )
  if (!isFollowed) return

  throw new OperationError(
    `nothing was changed in ${path}, because its filesystem gives the owner and times of a symbolic link to the file that it leads to, and the snapshot has links to restore`,
    { fix: 'mount other storage there, or copy what you need out of the snapshot' },
  )
}

/** Whatever else refuses it changes nothing by it. */
function findsNothing(change: () => void): boolean {
  try {
    change()
    return false
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return errorCode(error) === 'ENOENT'
  }
}

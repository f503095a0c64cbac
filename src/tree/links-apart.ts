import { fstatSync, lchownSync, lutimesSync, statfsSync, symlinkSync } from 'node:fs'
import { OperationError, errorCode } from '../errors.ts'
import { setTimes } from '../system/set-times.ts'
import type { DirectoryHandle } from './directory-handle.ts'
import { PrivateDirectory } from './private-directory.ts'

/**
 * By the type of statfs(2): ext4, XFS, btrfs, tmpfs and overlayfs, where the kernel itself keeps
 * what a symbolic link has. A server that is asked by path may follow the link.
 */
const keptByKernel: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630,
])

/**
 * Tries whether a filesystem gives the owner and times of a symbolic link to what it leads to, as
 * sshfs does: a restore would change files outside the volume. It tries it with a link of its own
 * that leads nowhere, and gives the directory its time back. Throws OperationError where it does.
 */
export async function assertLinksApart(directory: DirectoryHandle): Promise<void> {
  const { here, cwd, path, descriptor } = directory
  if (keptByKernel.has(statfsSync(here).type)) return

  const { mtimeNs } = fstatSync(descriptor, { bigint: true })
  const isFollowed = followsLinks(here)
  await setTimes([{ path: cwd, ns: mtimeNs }], {})
  if (!isFollowed) return

  throw new OperationError(
    `nothing was changed in ${path}, because its filesystem gives the owner and times of a symbolic link to the file that it leads to, and the snapshot has links to restore`,
    { fix: 'mount other storage there, or copy what you need out of the snapshot' },
  )
}

function followsLinks(directory: string): boolean {
  using room = new PrivateDirectory(directory)
  const link = `${room.here}/link`
  symlinkSync('nothing', link)
  return [() => lutimesSync(link, 1, 1), () => lchownSync(link, 1, 1)].some(findsNothing)
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

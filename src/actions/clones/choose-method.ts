import { statfsSync } from 'node:fs'
import prettyBytes from 'pretty-bytes'
import { canReflinkIn } from '../../copy/reflink.ts'
import type { CloneMethod } from '../../store/clones.ts'
import { hasBtrfsProgram, isSubvolume } from '../../system/subvolume.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { walkTree } from '../../tree/walk-tree.ts'
import type { VolumeContents } from '../../store/record.ts'

/**
 * By the type of statfs(2), what the upper directory of an overlay may be on: it needs trusted.*
 * attributes, RENAME_WHITEOUT and the types of entries in listings
 * (Documentation/filesystems/overlayfs.rst): ext4, XFS.
 */
const upperFilesystems = [0xef53, 0x58465342]

/** What a clone takes on the disk. */
export interface CloneCost {
  bytesNow: number
  /** When all of it has been written to, or only opened for it, with an overlay. */
  bytesAtMost: number
  text: string
}

/** The cheapest method for a clone of the tree `data`, in the filesystem of the store. */
export async function chooseMethod(
  data: string,
  store: string,
  contents: Pick<VolumeContents, 'specials'> | null,
): Promise<CloneMethod> {
  if (isSubvolume(data) && hasBtrfsProgram()) return 'btrfs'
  if (canReflinkIn(store)) return 'reflink'
  const isUpper = upperFilesystems.includes(statfsSync(store).type)
  const hasSpecials = contents === null || contents.specials > 0
  if (!isUpper || (hasSpecials && (await hasWhiteouts(data)))) return 'copy'
  return 'overlay'
}

/** Character devices 0/0, which an overlay takes for names that were deleted. */
async function hasWhiteouts(data: string): Promise<boolean> {
  using opened = openDirectory(data)
  for await (const { stat } of walkTree(opened.here)) {
    if (stat.isCharacterDevice() && stat.rdev === 0n) return true
  }
  return false
}

/** What to expect, before anything is made. */
export function costOf(
  method: CloneMethod,
  contents: Pick<VolumeContents, 'bytes' | 'files'> | null,
): CloneCost {
  const { bytes = 0, files = 0 } = contents ?? {}
  const size = prettyBytes(bytes, { space: true })
  switch (method) {
    case 'btrfs':
      return { bytesNow: 0, bytesAtMost: bytes, text: 'nothing now, and later what is changed' }
    case 'reflink':
      return {
        bytesNow: 0,
        bytesAtMost: bytes,
        text: `${files} inodes and no contents now, and later what is changed`,
      }
    case 'overlay':
      return {
        bytesNow: 0,
        bytesAtMost: bytes,
        text: `nothing now; a file that is opened for writing is copied as a whole first, so a database that opens all of its files takes up to ${size}`,
      }
    case 'copy':
      return { bytesNow: bytes, bytesAtMost: bytes, text: `${size} now, all is copied` }
  }
}

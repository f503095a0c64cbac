import { statfsSync } from 'node:fs'
import prettyBytes from 'pretty-bytes'
import { canReflinkIn } from '../../copy/reflink.ts'
import type { CloneMethod } from '../../store/clones.ts'
import { hasBtrfsProgram, isSubvolume } from '../../system/subvolume.ts'
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
export function chooseMethod(data: string, store: string): CloneMethod {
  if (isSubvolume(data) && hasBtrfsProgram()) return 'btrfs'
  if (canReflinkIn(store)) return 'reflink'
  return upperFilesystems.includes(statfsSync(store).type) ? 'overlay' : 'copy'
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

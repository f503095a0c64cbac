import { fstatSync, statfsSync } from 'node:fs'
import type { VolumeRecord } from '../../store/record.ts'
import type { DirectoryHandle } from '../../tree/directory-handle.ts'
import { hasChangeTimes } from '../../system/mounted-filesystem.ts'

type Root = VolumeRecord['root']
type Identity = Pick<VolumeRecord, 'root' | 'filesystem'>

/**
 * Inode and time of birth, where the filesystem keeps both for good. Another filesystem at a path,
 * or none, brings another pair; a reboot does not.
 */
export function identify({ here, descriptor }: DirectoryHandle): Root {
  const { ino, birthtimeNs, ctimeNs } = fstatSync(descriptor, { bigint: true })
  // in the place of a time of birth that is not known there is 0, or the ctime
  const isKnown = birthtimeNs > 0n && birthtimeNs !== ctimeNs && hasChangeTimes(here)
  return isKnown ? { inode: String(ino), born: String(birthtimeNs) } : undefined
}

/** What a record says of the directory of a volume. */
export function recordOfDirectory(directory: DirectoryHandle, root: Root): Identity {
  const filesystem = `0x${statfsSync(directory.here).type.toString(16)}`
  return { ...(root === undefined ? {} : { root }), filesystem }
}

/**
 * Whether they are of two directories. One that was known and is not any more is on another
 * filesystem; where it never was known, only filesystems of two types tell.
 */
export function isOtherDirectory(now: Identity, before: Identity): boolean {
  if (before.root !== undefined && !isSameRoot(now.root, before.root)) return true
  if (now.filesystem === undefined || before.filesystem === undefined) return false
  return now.filesystem !== before.filesystem
}

/** Whether both are known, and of one directory. */
export function isSameRoot(one: Root, other: Root): boolean {
  return one !== undefined && one.inode === other?.inode && one.born === other.born
}

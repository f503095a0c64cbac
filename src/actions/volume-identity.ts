import { fstatSync } from 'node:fs'
import type { VolumeRecord } from '../store/record.ts'
import type { DirectoryHandle } from '../tree/directory-handle.ts'
import { hasChangeTimes } from '../system/mounted-filesystem.ts'

type Root = VolumeRecord['root']

/**
 * Inode and time of birth, where the filesystem keeps both for good. Another filesystem at a path, or none, brings another
 * pair; a reboot does not.
 */
export function identify({ here, descriptor }: DirectoryHandle): Root {
  const { ino, birthtimeNs, ctimeNs } = fstatSync(descriptor, { bigint: true })
  // in the place of a time of birth that is not known there is 0, or the ctime
  const isKnown = birthtimeNs > 0n && birthtimeNs !== ctimeNs && hasChangeTimes(here)
  return isKnown ? { inode: String(ino), born: String(birthtimeNs) } : undefined
}

/** Whether both are known, and of one directory. */
export function isSameRoot(one: Root, other: Root): boolean {
  return one !== undefined && one.inode === other?.inode && one.born === other.born
}

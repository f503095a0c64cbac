import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMountPoint, readMounts } from '../src/system/mounts.ts'
import {
  type FilesystemType,
  type LoopFilesystem,
  type LoopOptions,
  mountLoopFilesystem,
} from '../test/support/loop-filesystem.ts'

const removalAttempts = 50

/**
 * Whoever reads a file first must not pay for its atime, nor a run for tables the kernel prepares
 * meanwhile.
 */
const quietOptions: Record<FilesystemType, string[]> = {
  ext4: ['noatime', 'noinit_itable'],
  xfs: ['noatime'],
  btrfs: ['noatime'],
  vfat: ['noatime'],
}

/** Gives `work` a filesystem of its own on a loop device, and removes it whatever happens. */
export async function onFilesystem<T>(
  type: FilesystemType,
  options: Omit<LoopOptions, 'mountOptions'>,
  work: (filesystem: LoopFilesystem) => Promise<T>,
): Promise<T> {
  const mountOptions = quietOptions[type]
  const filesystem = await mountLoopFilesystem(type, { ...options, mountOptions, directIo: true })
  try {
    return await work(filesystem)
  } finally {
    await removeWhenFree(filesystem)
  }
}

/**
 * What was interrupted may take a moment to end; a remount that was interrupted left nothing
 * mounted.
 */
async function removeWhenFree(filesystem: LoopFilesystem): Promise<void> {
  for (let attempt = 1; isMountPoint(readMounts(), filesystem.path); attempt += 1) {
    try {
      return await filesystem.remove()
    } catch (error) {
      if (attempt === removalAttempts) throw error
      await sleep(200)
    }
  }
  await rm(dirname(filesystem.path), { recursive: true })
}

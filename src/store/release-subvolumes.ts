import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isBtrfs, isSubvolume, releaseSubvolume } from '../system/subvolume.ts'
import { isRealDirectory } from '../tree/directory-handle.ts'

/** Snapshots of subvolumes are directly in what is deleted; until released they are read-only. */
export async function releaseSubvolumes(path: string): Promise<void> {
  if (!isRealDirectory(path) || !isBtrfs(path)) return
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name)
    if (entry.isDirectory() && isSubvolume(child)) await releaseSubvolume(child)
  }
}

import type { EngineChoice, EngineName } from '../config/choices.ts'
import { OperationError } from '../errors.ts'
import { hasChangeTimes } from '../system/mounted-filesystem.ts'
import { mountOf, readMounts } from '../system/mounts.ts'
import { hasBtrfsProgram, isBtrfs, isSubvolume } from '../system/subvolume.ts'

export interface ChosenEngine {
  name: EngineName
  /** Why it was chosen, for people. */
  reason: string
}

/** What an engine is chosen for. */
export interface VolumeToCopy {
  path: string
  /** Patterns of what is left out. */
  exclude: readonly string[]
}

/**
 * Which engine is for a volume; for reports too, which load none (engines.ts).
 * Throws OperationError when btrfs is asked for and cannot be.
 */
export function chooseEngine(
  choice: EngineChoice,
  volume: VolumeToCopy,
  store: string,
): ChosenEngine {
  const asked = 'SNAP_ENGINE asks for it'
  switch (choice) {
    case 'link':
      return chooseLink(asked, volume)
    case 'btrfs':
      assertBtrfs(volume, store)
      return { name: 'btrfs', reason: asked }
    case 'rsync':
      return { name: 'rsync', reason: asked }
    case 'auto':
      return chooseBestEngine(volume, store)
  }
}

function chooseBestEngine(volume: VolumeToCopy, store: string): ChosenEngine {
  const obstacle = whyNotBtrfs(volume, store)
  return obstacle === undefined
    ? {
        name: 'btrfs',
        reason: `${volume.path} is a subvolume on the filesystem of the store`,
      }
    : chooseLink(`the fastest one here, because ${obstacle}`, volume)
}

function chooseLink(reason: string, { path }: VolumeToCopy): ChosenEngine {
  const isSlow = !hasChangeTimes(path)
  return { name: 'link', reason: isSlow ? `${reason}; ${noChangeTimes(path)}` : reason }
}

/** What is said of a volume on a filesystem where link can prove nothing. */
export function noChangeTimes(path: string): string {
  return `the filesystem of ${path} does not tell when a file was changed, so each snapshot reads all contents; ext4, XFS and btrfs do`
}

function assertBtrfs(volume: VolumeToCopy, store: string): void {
  const obstacle = whyNotBtrfs(volume, store)
  if (obstacle === undefined) return
  throw new OperationError(`SNAP_ENGINE asks for btrfs, and ${obstacle}`, {
    fix: 'set SNAP_ENGINE=auto, or put that right',
  })
}

/** Undefined when subvolume snapshots are possible. */
function whyNotBtrfs({ path, exclude }: VolumeToCopy, store: string): string | undefined {
  if (!isBtrfs(path)) return `${path} is not on btrfs`
  if (!isSubvolume(path)) return `${path} is a plain directory on btrfs, not a subvolume`

  const mounts = readMounts()
  if (mountOf(mounts, path)?.device !== mountOf(mounts, store)?.device) {
    return `${path} and the store are on different filesystems`
  }
  if (!hasBtrfsProgram()) return 'the program btrfs (btrfs-progs) is not installed'

  return exclude.length === 0
    ? undefined
    : 'a snapshot of a subvolume cannot leave out what SNAP_EXCLUDE names'
}

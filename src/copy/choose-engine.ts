import type { EngineChoice } from '../config/choices.ts'
import { OperationError, errorCode } from '../errors.ts'
import { hasChangeTimes } from '../system/mounted-filesystem.ts'
import { mountOf, readMounts } from '../system/mounts.ts'
import { hasBtrfsProgram, isBtrfs, isSubvolume } from '../system/subvolume.ts'
import { btrfsEngine } from './btrfs/btrfs-engine.ts'
import type { CopyEngine } from './engine.ts'
import { linkEngine } from './link/link-engine.ts'
import { rsyncEngine } from './rsync-engine.ts'

export interface ChosenEngine {
  engine: CopyEngine
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
 * The engine for a volume.
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
      return { engine: btrfsEngine, reason: asked }
    case 'rsync':
      return { engine: rsyncEngine, reason: asked }
    case 'auto':
      return chooseBestEngine(volume, store)
  }
}

function chooseBestEngine(volume: VolumeToCopy, store: string): ChosenEngine {
  const obstacle = whyNotBtrfs(volume, store)
  return obstacle === undefined
    ? {
        engine: btrfsEngine,
        reason: `${volume.path} is a subvolume on the filesystem of the store`,
      }
    : chooseLink(`the fastest one here, because ${obstacle}`, volume)
}

function chooseLink(reason: string, { path }: VolumeToCopy): ChosenEngine {
  const isSlow = !hasChangeTimes(path)
  return { engine: linkEngine, reason: isSlow ? `${reason}; ${noChangeTimes(path)}` : reason }
}

/** What is said of a volume on a filesystem where link can prove nothing. */
export function noChangeTimes(path: string): string {
  return `the filesystem of ${path} does not tell when a file was changed, so each snapshot reads all contents; ext4, XFS and btrfs do`
}

/** Has the engines start what they will need; what is wrong with a path is for the copy to say. */
export function warmUpEngines(
  choice: EngineChoice,
  volumes: readonly VolumeToCopy[],
  store: string,
): void {
  for (const volume of volumes) {
    try {
      chooseEngine(choice, volume, store).engine.warmUp?.()
    } catch (error) {
      if (!(error instanceof OperationError) && errorCode(error) === undefined) throw error
    }
  }
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

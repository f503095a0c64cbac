import type { EngineChoice, EngineName } from '../config/choices.ts'
import { OperationError, errorCode } from '../errors.ts'
import { btrfsEngine } from './btrfs/btrfs-engine.ts'
import { type VolumeToCopy, chooseEngine } from './choose-engine.ts'
import type { CopyEngine } from './engine.ts'
import { linkEngine } from './link/link-engine.ts'
import { rsyncEngine } from './rsync-engine.ts'

const engines: Readonly<Record<EngineName, CopyEngine>> = {
  link: linkEngine,
  btrfs: btrfsEngine,
  rsync: rsyncEngine,
}

/**
 * The engine for a volume, ready to copy.
 * Throws OperationError when btrfs is asked for and cannot be.
 */
export function engineFor(choice: EngineChoice, volume: VolumeToCopy, store: string): CopyEngine {
  return engines[chooseEngine(choice, volume, store).name]
}

/** Has the engines start what they will need; what is wrong with a path is for the copy to say. */
export function warmUpEngines(
  choice: EngineChoice,
  volumes: readonly VolumeToCopy[],
  store: string,
): void {
  for (const volume of volumes) {
    try {
      engineFor(choice, volume, store).warmUp?.()
    } catch (error) {
      if (!(error instanceof OperationError) && errorCode(error) === undefined) throw error
    }
  }
}

import { lstatSync } from 'node:fs'
import { dirname } from 'node:path'
import { OperationError } from '../../errors.ts'
import { assertDirectory } from '../../tree/directory-handle.ts'
import { findUsers } from '../../system/in-use.ts'
import {
  type Mount,
  isMountPoint,
  locationOf,
  mountOf,
  mountsBelow,
  readMounts,
} from '../../system/mounts.ts'
import { shellWord } from '../../system/shell-word.ts'
import { hasBtrfsProgram, isBtrfs, isSubvolume } from '../../system/subvolume.ts'
import { assertVolumesApart } from '../check-volumes.ts'
import type { ActionContext } from '../context.ts'
import { findVolume } from '../find-volume.ts'

/** Which directory becomes a subvolume, and by which names; all three are beside one another. */
export interface SubvolumeDecision {
  volume: string
  path: string
  /** The subvolume, until it is verified and takes the place of the directory. */
  copy: string
  /** The directory, once the subvolume has its place. */
  oldDirectory: string
  /**
   * Whether a run before was cut off between the two renames: both are there, and nothing is at
   * `path`.
   */
  isHalfDone: boolean
}

/**
 * Finds the volume that `named` names, by its ID or as ID:PATH where it has another path here, and
 * refuses what need not or cannot become a subvolume.
 */
export function decideSubvolume(
  { store, config }: ActionContext,
  named: string,
): SubvolumeDecision {
  const { id, path } = findVolume(config.volumes, named)
  assertVolumesApart(store.directory, [{ id, path }])
  assertDirectory(dirname(path))

  const copy = `${path}.snap-volume-new`
  const oldDirectory = `${path}.snap-volume-old`
  const isHalfDone = !isThere(path) && isThere(oldDirectory) && isThere(copy) && isSubvolume(copy)
  const decision = { volume: id, path, copy, oldDirectory, isHalfDone }
  const obstacle = findObstacle(decision, store.directory)
  if (obstacle === undefined) return decision

  const { why, fix } = obstacle
  throw new OperationError(`volume ${id} is left as it is: ${why}`, { fix })
}

interface Obstacle {
  why: string
  fix?: string
}

function findObstacle(decision: SubvolumeDecision, store: string): Obstacle | undefined {
  const { path, oldDirectory, isHalfDone } = decision
  if (!isThere(path) && !isHalfDone && isThere(oldDirectory)) {
    return {
      why: `there is no ${path}, only ${oldDirectory}`,
      fix: `rename that back with "mv ${shellWord(oldDirectory)} ${shellWord(path)}"`,
    }
  }

  const directory = isHalfDone ? oldDirectory : path
  assertDirectory(directory)
  if (!isBtrfs(directory)) {
    return {
      why: `${path} is not on btrfs, where alone there are subvolumes;`,
      fix: 'the engines link and rsync need none',
    }
  }
  if (isSubvolume(directory)) {
    return {
      why: `${path} is a subvolume already;`,
      fix: 'the engine btrfs takes snapshots of it',
    }
  }

  const mounts = readMounts()
  return (
    findMountObstacle(decision, mounts) ??
    (mountOf(mounts, directory)?.device === mountOf(mounts, store)?.device
      ? undefined
      : {
          why: `${path} and the store are on different filesystems, and the engine btrfs needs both on one`,
          fix: 'move the store first',
        }) ??
    (hasBtrfsProgram()
      ? undefined
      : {
          why: 'the program btrfs is not installed',
          fix: 'install it (Debian: apt-get install btrfs-progs), or use the image, which has it',
        }) ??
    (isHalfDone ? undefined : findTakenName(decision))
  )
}

/** rename(2) of a mount point fails with EBUSY, and in a container a volume is one. */
function findMountObstacle(
  { volume, path }: SubvolumeDecision,
  mounts: readonly Mount[],
): Obstacle | undefined {
  if (isMountPoint(mounts, path)) {
    return {
      why: `${path} is a mount point, which cannot be exchanged from here`,
      fix:
        'stop the containers that use it, and on the host, with DIR the directory that is mounted there, ' +
        'type "btrfs subvolume create DIR.new && cp -a --reflink=always DIR/. DIR.new/ && mv DIR DIR.old && mv DIR.new DIR", ' +
        `or run "snap-volume subvolume ${volume}:DIR" there without Docker, with SNAP_DIR set to the store`,
    }
  }

  const inner = mountsBelow(mounts, path)[0]
  return inner && { why: `${inner.mountPoint} is mounted inside it`, fix: 'unmount that first' }
}

function findTakenName({ path, copy, oldDirectory }: SubvolumeDecision): Obstacle | undefined {
  if (isThere(copy) && isThere(oldDirectory)) {
    return {
      why: `an exchange was cut off (${copy} and ${oldDirectory} are there), and something made ${path} since`,
      fix: `if it is empty, remove it with "rmdir ${shellWord(path)}" and run this again`,
    }
  }
  if (isThere(oldDirectory)) {
    return {
      why: `${oldDirectory} is there already, and the old directory would get that name`,
      fix: 'move it away first',
    }
  }
  if (isThere(copy)) {
    return {
      why: `${copy} is there already;`,
      fix: `if a run that was cut off left it, remove it with "btrfs subvolume delete ${shellWord(copy)}" and run this again`,
    }
  }

  return undefined
}

/** Refuses while somebody would go on writing into the directory when it has another name. */
export function assertUnused({ volume, path, oldDirectory, isHalfDone }: SubvolumeDecision): void {
  const directory = isHalfDone ? oldDirectory : path
  const location = locationOf(readMounts(), directory)
  const users = location === undefined ? [] : findUsers(directory, location)
  if (users.length === 0) return

  const more = users.length > 3 ? ` and ${users.length - 3} more` : ''
  throw new OperationError(
    `volume ${volume} is left as it is: ${directory} is in use by process ${users.slice(0, 3).join(', ')}${more}`,
    { fix: 'stop the containers and programs that use it first' },
  )
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  rmSync,
  rmdirSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { OperationError, errorCode, isNotFound, messageOf } from '../errors.ts'
import { findUserNamespace } from '../system/user-namespace.ts'
import { type StoreLayout, storeLayout } from './layout.ts'
import { keepReserve, removeReserve } from './reserve.ts'

/**
 * Finds the store for reading. Throws OperationError when there is none.
 */
export function openStore(directory: string): StoreLayout {
  const store = storeLayout(directory)
  assertDirectory(directory, {
    problem: `there is no store at ${directory}`,
    fix: howToReachStore,
  })

  assertDirectory(store.own, {
    problem: `${directory} is not a store yet`,
    fix: `run "snap-volume start ID:PATH" on it once, or ${howToReachStore}`,
  })
  assertReadable(store.own)
  return store
}

const howToReachStore =
  'run with --volumes-from the snap-volume container, with -v DIR:/opt/.snap, with SNAP_HOST and SNAP_TOKEN on a network of its (--link CONTAINER:snap-volume is the older way), or with SNAP_DIR set'

function assertReadable(directory: string): void {
  try {
    accessSync(directory, constants.R_OK | constants.X_OK)
  } catch (error) {
    throw new OperationError(`${directory} cannot be read (${errorCode(error)})`, {
      cause: error,
      fix: 'run as root',
    })
  }
}

/** Makes the store where there is none yet, and whatever is missing in it. */
export function createStore(directory: string): StoreLayout {
  const store = storeLayout(directory)
  assertNoLinksAbove(directory)
  createDirectory(directory, 0o755, { recursive: true })
  assertDirectory(directory, { problem: `there is no directory ${directory}` })
  assertWritableMount(directory)
  createOwnDirectories(store)

  // now: when the disk is full there is no inode for it, and the trash could not be emptied
  closeSync(openSync(store.trashLock, 'a', 0o600))
  return store
}

/** Makes what somebody tidied away. */
export function createOwnDirectories(store: StoreLayout): void {
  const { own, staging, trash, prelinked, journal } = store
  for (const path of [own, staging, trash, prelinked, journal]) {
    createDirectory(path, 0o700, { recursive: false })
    assertDirectory(path, { problem: `there is no directory ${path}` })
  }
  keepReserve(store)
}

/** Takes back what `createStore` made, while nothing else is in it. */
export function removeEmptyStore(store: StoreLayout): void {
  const { own, staging, trash, prelinked, journal } = store
  rmSync(store.trashLock, { force: true })
  removeReserve(store)
  for (const path of [staging, trash, prelinked, journal, own]) rmdirSync(path)
}

function createDirectory(path: string, mode: number, options: { recursive: boolean }): void {
  try {
    if (mkdirSync(path, options) !== undefined || !options.recursive) chmodSync(path, mode)
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return
    throw explainCreating(path, error)
  }
}

function explainCreating(path: string, cause: unknown): OperationError {
  const cannotMake = (why: string, fix?: string): OperationError =>
    new OperationError(`${path} cannot be made: ${why}`, { cause, fix })
  switch (errorCode(cause)) {
    case 'EROFS':
      return cannotMake('the store is mounted read-only;', 'mount it read-write')
    case 'ENOSPC':
      return cannotMake('the filesystem is full;', 'free space or inodes')
    case 'EDQUOT':
      return cannotMake('the disk quota is used up;', 'have it raised, or free space or inodes')
    default:
      return cannotMake(messageOf(cause))
  }
}

function assertWritableMount(directory: string): void {
  try {
    accessSync(directory, constants.W_OK)
  } catch (error) {
    throw new OperationError(`the store ${directory} cannot be written (${errorCode(error)})`, {
      cause: error,
      fix: 'mount it read-write and run as root',
    })
  }
}

/** Behind a link, nobody could tell whether the store is inside the data. */
function assertNoLinksAbove(directory: string): void {
  let existing = directory
  while (!existsSync(existing)) existing = dirname(existing)
  const real = realpathSync(existing)
  if (real === existing) return

  throw new OperationError(`the store ${directory} is reached through a symbolic link`, {
    fix: `set SNAP_DIR to ${real}${directory.slice(existing.length)}`,
  })
}

/**
 * Named volumes of an Engine with userns-remap belong to its root, whatever container they are made
 * for.
 */
function explainOwner(path: string, uid: number): OperationError {
  const namespace = findUserNamespace()
  if (namespace?.users.overflowId !== uid) {
    return new OperationError(`${path} belongs to user ${uid}, who could exchange what is in it`, {
      fix: 'chown it to root; of a named volume, see docs/user-namespaces.md',
    })
  }

  const { outsideOfRoot } = namespace.users
  return new OperationError(
    `${path} belongs to user ${uid}, or to one outside of this user namespace, who could exchange what is in it`,
    {
      fix: `with userns-remap run with --userns=host, or on the host chown it to ${outsideOfRoot}, who is root here, see docs/user-namespaces.md`,
    },
  )
}

/** The store is only entered through real directories that nobody else can exchange. */
function assertDirectory(path: string, whenMissing: { problem: string; fix?: string }): void {
  try {
    const stat = lstatSync(path)
    if (!stat.isDirectory()) {
      throw new OperationError(`${path} is not a directory but a file or a link`, {
        fix: 'move it away',
      })
    }
    if (stat.uid !== process.geteuid?.() && stat.uid !== 0) {
      throw explainOwner(path, stat.uid)
    }
  } catch (error) {
    if (error instanceof OperationError) throw error
    const { problem, fix } = isNotFound(error)
      ? whenMissing
      : { problem: `${path} cannot be reached (${errorCode(error)})`, fix: 'run as root' }
    throw new OperationError(problem, { cause: error, fix })
  }
}

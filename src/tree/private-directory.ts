import { randomUUID } from 'node:crypto'
import { closeSync, constants, fchmodSync, fstatSync, mkdirSync, openSync } from 'node:fs'
import { OperationError } from '../errors.ts'
import { removeEntries, removeIfEmpty } from './remove-entry.ts'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants

/** Where a filesystem keeps no modes, such as exFAT, nobody gains anything by one either. */
function isPrivate(directory: number): boolean {
  const before = fstatSync(directory)
  if (before.uid === process.geteuid?.() && (before.mode & 0o077) === 0) return true
  fchmodSync(directory, before.mode ^ 0o001)
  return fstatSync(directory).mode === before.mode
}

/** Whether an entry in the root of live data is one that a kill has left. */
export function isPrivateName(name: string, kind = ''): boolean {
  const end = name.startsWith(prefixOf(kind)) ? name.slice(prefixOf(kind).length) : ''
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(end)
}

function prefixOf(kind: string): string {
  return `.snap-volume.${kind}`
}

/**
 * A directory in live data that nobody else can enter: what is restored is made whole in it before
 * it gets its place by a rename, and what is replaced comes into it. Whoever owns the directory
 * above may move it; it stays the one that is open here.
 */
export class PrivateDirectory {
  /** Tells it apart from others. */
  readonly id = randomUUID()
  /** A path to it for this process. */
  readonly here: string
  /** The same for a program that it starts. */
  readonly cwd: string
  readonly descriptor: number
  readonly #path: string
  readonly #opened: DisposableStack
  #isLeft = false

  /** Makes it in `parent`, a path through an open directory; `kind` begins its name. */
  constructor(parent: string, kind = '') {
    this.#path = `${parent}/${prefixOf(kind)}${this.id}`
    mkdirSync(this.#path, 0o700)

    using opening = new DisposableStack()
    const descriptor = opening.adopt(
      openSync(this.#path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
      closeSync,
    )
    if (!isPrivate(descriptor)) {
      throw new OperationError(`somebody put another directory in the place of ${this.#path}`, {
        fix: 'stop whoever writes there, and restore again',
      })
    }

    this.descriptor = descriptor
    this.here = `/proc/self/fd/${descriptor}`
    this.cwd = `/proc/${process.pid}/fd/${descriptor}`
    this.#opened = opening.move()
  }

  /** Makes an empty directory in it. */
  make(name: string): string {
    const path = `${this.here}/${name}`
    mkdirSync(path, 0o700)
    return path
  }

  /** Has it stay with what is in it, because that is nowhere else. */
  leave(): void {
    this.#isLeft = true
  }

  /**
   * Removes it with what is in it, unless it is left. What somebody put into its place is not ours
   * to remove.
   */
  [Symbol.dispose](): void {
    try {
      if (!this.#isLeft) removeEntries(this.here)
    } finally {
      this.#opened.dispose()
    }
    removeIfEmpty(this.#path)
  }
}

import {
  chmodSync,
  createWriteStream,
  existsSync,
  lstatSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import {
  type ArchiveName,
  changelogNameOf,
  checksumNameOf,
  formatArchiveName,
} from '../../archive/archive-name.ts'
import { restoreScriptName, readRestoreScript } from '../../archive/restore-script.ts'
import { OperationError } from '../../errors.ts'
import { createFileDurably, fsyncDirectory } from '../../store/durable.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { PrivateDirectory } from '../../tree/private-directory.ts'

export interface PlacedArchive {
  sha256: string
  changelog: string
}

/**
 * Where archives come to. Each is written whole in a private directory there, flushed, and gets its
 * place by a rename, after the files that belong to it: a crash leaves the private directory, whose
 * name begins with `.snap-volume.`, or small files without an archive.
 */
export class ArchivePlace implements Disposable {
  readonly #directory: string
  readonly #opened: DisposableStack
  readonly room: PrivateDirectory
  readonly #here: string

  /** Throws OperationError where there is no such directory. */
  constructor(directory: string) {
    using opening = new DisposableStack()
    const handle = opening.use(openDirectory(directory))
    this.#directory = directory
    this.#here = handle.here
    this.room = opening.use(new PrivateDirectory(handle.here))
    this.#opened = opening.move()
  }

  /** Throws OperationError where an archive of that snapshot is there. */
  assertFree(name: Omit<ArchiveName, 'isFull'>): void {
    const there = [true, false]
      .map((isFull) => formatArchiveName({ ...name, isFull }))
      .find((one) => lstatSync(join(this.#here, one), { throwIfNoEntry: false }) !== undefined)
    if (there === undefined) return
    throw new OperationError(`${join(this.#directory, there)} is there already`, {
      fix: 'move it away, or write to another directory with -o',
    })
  }

  /** A file in the private directory, for its owner alone: an archive has all that the data have. */
  begin(name: string): Writable {
    return createWriteStream(join(this.room.here, name), { mode: 0o600, flags: 'wx', flush: true })
  }

  /** Moves it to its place, with what belongs to it. Returns its path. */
  async finish(
    name: string,
    stream: Writable,
    { sha256, changelog }: PlacedArchive,
  ): Promise<string> {
    stream.end()
    await once(stream, 'close')
    this.#place(changelogNameOf(name), changelog)
    this.#place(checksumNameOf(name), `${sha256}  ${name}\n`)
    this.#placeScript()
    fsyncDirectory(this.#here)

    const target = join(this.#here, name)
    if (existsSync(target)) {
      throw new OperationError(`${join(this.#directory, name)} appeared meanwhile`, {
        fix: 'move it away, then export again',
      })
    }
    renameSync(join(this.room.here, name), target)
    fsyncDirectory(this.#here)
    return join(this.#directory, name)
  }

  #place(name: string, content: string): void {
    const made = join(this.room.here, name)
    createFileDurably(made, content, 0o600)
    renameSync(made, join(this.#here, name))
  }

  #placeScript(): void {
    const script = readRestoreScript()
    const target = join(this.#here, restoreScriptName)
    const stat = lstatSync(target, { throwIfNoEntry: false })
    if (stat?.isFile() === true && readFileSync(target, 'utf8') === script) return
    const made = join(this.room.here, restoreScriptName)
    writeFileSync(made, script)
    chmodSync(made, 0o755)
    renameSync(made, target)
  }

  [Symbol.dispose](): void {
    this.#opened.dispose()
  }
}

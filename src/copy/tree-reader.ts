import { type BigIntStats, closeSync, unlinkSync } from 'node:fs'
import {
  type BytePath,
  isGone,
  lstatIfThere,
  openBelow,
  systemPath,
  throughDescriptor,
} from '../system/byte-path.ts'

/**
 * Reaches entries below an open directory in a way nobody can lead out of the tree. The directory of the
 * last entry stays open, for paths that follow one another in it.
 */
export class TreeReader {
  readonly #root: BytePath
  #directory: BytePath | undefined
  #descriptor: number | undefined

  /** `root` is a path through an open directory, such as /proc/self/fd/5. */
  constructor(root: BytePath) {
    this.#root = root
  }

  /** What lstat(2) says of `path`; undefined when it is not there, or a directory above it is none any more. */
  lstat(path: BytePath): BigIntStats | undefined {
    return this.at(path, lstatIfThere)
  }

  /** Removes the name `path`, if it is there. */
  unlink(path: BytePath): void {
    this.at(path, (trusted) => unlinkSync(systemPath(trusted)))
  }

  /** Calls `act` with a path to the entry that can be trusted; undefined when it is not there. */
  at<T>(path: BytePath, act: (trusted: BytePath) => T): T | undefined {
    try {
      const trusted = this.#reach(path)
      return trusted === undefined ? undefined : act(trusted)
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#close()
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
    this.#directory = undefined
  }

  #reach(path: BytePath): BytePath | undefined {
    const slash = path.lastIndexOf('/')
    const directory = slash === -1 ? '' : path.slice(0, slash)
    if (this.#directory !== directory) {
      this.#close()
      this.#descriptor = openBelow(this.#root, directory)
      this.#directory = directory
    }
    if (this.#descriptor === undefined) return undefined
    return `${throughDescriptor(this.#descriptor)}/${path.slice(slash + 1)}`
  }
}

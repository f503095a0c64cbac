import { type BigIntStats, closeSync, fstatSync, mkdirSync, unlinkSync } from 'node:fs'
import {
  type BytePath,
  isGone,
  lstatIfThere,
  nameOf,
  openIfDirectory,
  parentOf,
  systemPath,
  throughDescriptor,
} from './byte-path.ts'

interface Step {
  name: BytePath
  /** What the directory was when the way led into it: by that it is known again on the way back. */
  dev: bigint
  ino: bigint
}

/**
 * Reaches entries below an open directory in a way nobody can lead out of the tree: one directory
 * after the other is opened, and no link followed. The last one stays open, so that the way to the
 * next is short, however deep both are, with one descriptor: down from there, or up by `..` where
 * that leads to the directory that the way came from.
 */
export class TreeReader {
  readonly #root: BytePath
  #directory: BytePath | undefined
  #steps: Step[] = []
  #descriptor: number | undefined

  /** `root` is a path through an open directory, such as /proc/self/fd/5. */
  constructor(root: BytePath) {
    this.#root = root
  }

  /**
   * What lstat(2) says of `path`; undefined when it is not there, or a directory above it is none
   * any more.
   */
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
      const directory = this.enter(parentOf(path))
      return directory === undefined ? undefined : act(`${directory}/${nameOf(path)}`)
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  }

  /**
   * A path to a directory of the tree, good until the next call of this reader; undefined when it
   * is not there as one.
   */
  enter(directory: BytePath): BytePath | undefined {
    try {
      if (this.#directory !== directory || this.#descriptor === undefined) this.#go(directory)
    } catch (error) {
      // half-way the steps are not where the descriptor is
      this.#close()
      throw error
    }
    return this.#descriptor === undefined ? undefined : throughDescriptor(this.#descriptor)
  }

  /** Makes a directory, and those above it, where they are missing. */
  makeDirectories(directory: BytePath): void {
    if (directory === '' || this.enter(directory) !== undefined) return
    this.makeDirectories(parentOf(directory))
    this.at(directory, (trusted) => mkdirSync(systemPath(trusted), 0o700))
  }

  [Symbol.dispose](): void {
    this.#close()
  }

  #go(directory: BytePath): void {
    this.#directory = undefined
    const names = directory === '' ? [] : directory.split('/')
    let common = 0
    while (common < names.length && this.#steps[common]?.name === names[common]) common += 1
    const up = this.#steps.length - common

    // the way up is worth it where that from the root is longer
    if (this.#descriptor === undefined || up > common || !this.#climb(up)) this.#openRoot()
    for (const name of names.slice(this.#steps.length)) this.#descend(name)
    this.#directory = directory
  }

  #openRoot(): void {
    this.#close()
    this.#descriptor = openIfDirectory(`${this.#root}/.`)
  }

  #descend(name: BytePath): void {
    if (this.#descriptor === undefined) return
    if (!this.#move(name)) return this.#close()
    const { dev, ino } = fstatSync(this.#descriptor, { bigint: true })
    this.#steps.push({ name, dev, ino })
  }

  /**
   * False where the directories were moved meanwhile, or it leads to the root, which is opened anew
   * at no more cost.
   */
  #climb(levels: number): boolean {
    for (let level = 0; level < levels; level += 1) {
      this.#steps.pop()
      const above = this.#steps.at(-1)
      if (above === undefined || this.#descriptor === undefined || !this.#move('..')) return false
      const { dev, ino } = fstatSync(this.#descriptor, { bigint: true })
      if (dev !== above.dev || ino !== above.ino) return false
    }
    return true
  }

  /** Opens a directory from the open one, which is closed; false when it is not there as one. */
  #move(name: BytePath): boolean {
    const before = this.#descriptor
    if (before === undefined) return false
    const next = openIfDirectory(`${throughDescriptor(before)}/${name}`)
    if (next === undefined) return false

    closeSync(before)
    this.#descriptor = next
    return true
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
    this.#directory = undefined
    this.#steps = []
  }
}

import { closeSync, constants, lstatSync, openSync, unlinkSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { isNotFound } from '../errors.ts'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants

/** Looks at `relative` below the open directory `root`; undefined when it is not there. */
export function lstatBelow(root: string, relative: Buffer): BigIntStats | undefined {
  return withEntry(root, relative, (path) => lstatSync(path, { bigint: true }))
}

/** Removes the name `relative` below the open directory `root`, if it is there. */
export function unlinkBelow(root: string, relative: Buffer): void {
  withEntry(root, relative, (path) => {
    unlinkSync(path)
  })
}

/**
 * Calls `act` with a path to the entry whose directories have been opened one by one without following
 * links, so that nobody can lead it out of the tree.
 */
function withEntry<T>(root: string, relative: Buffer, act: (path: Buffer) => T): T | undefined {
  const parts = splitPath(relative)
  const name = parts.pop()
  if (name === undefined) return undefined
  const descriptors: number[] = []
  try {
    let directory = root
    for (const part of parts) {
      const descriptor = openSync(join(directory, part), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      descriptors.push(descriptor)
      directory = `/proc/self/fd/${descriptor}`
    }
    return act(join(directory, name))
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor)
  }
}

function join(directory: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), name])
}

function splitPath(path: Buffer): Buffer[] {
  const parts: Buffer[] = []
  let start = 0
  for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', start)) {
    parts.push(path.subarray(start, end))
    start = end + 1
  }
  parts.push(path.subarray(start))
  return parts
}

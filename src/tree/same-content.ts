import { closeSync, constants, fstatSync, readSync } from 'node:fs'
import { type BytePath, forPrograms, openAnyLength } from './byte-path.ts'
import { type DataRange, findData, isSparse } from '../system/data-ranges.ts'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
const chunkBytes = 1024 * 1024

/**
 * Compares two regular files, each by a path through an open directory: of sparse ones only the
 * data. False for what has become something else, and where somebody has a lease.
 */
export async function hasSameContent(one: BytePath, other: BytePath): Promise<boolean> {
  using opened = new DisposableStack()
  const open = (path: BytePath): number =>
    opened.adopt(openAnyLength(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK), closeSync)
  const files = [open(one), open(other)] as const
  const stats = files.map((file) => fstatSync(file, { bigint: true }))
  const [size, otherSize] = stats.map((stat) => (stat.isFile() ? stat.size : undefined))
  if (size === undefined || size !== otherSize) return false

  const whole: DataRange = [0, Number(size)]
  if (!stats.some(isSparse)) return isSameIn(files, whole)

  const found = await findData(files.map(forPrograms))
  return found.flatMap((ranges) => ranges ?? [whole]).every((range) => isSameIn(files, range))
}

function isSameIn([one, other]: readonly [number, number], [start, end]: DataRange): boolean {
  const [first, second] = [Buffer.alloc(chunkBytes), Buffer.alloc(chunkBytes)]
  for (let position = start; position < end;) {
    const length = readSync(one, first, 0, Math.min(chunkBytes, end - position), position)
    if (length === 0) return false

    for (let read = 0; read < length;) {
      const more = readSync(other, second, read, length - read, position + read)
      if (more === 0) return false
      read += more
    }

    if (first.compare(second, 0, length, 0, length) !== 0) return false
    position += length
  }

  return true
}

import { createTwoFilesPatch } from 'diff'
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { OperationError, isNotFound } from '../../errors.ts'
import { printable } from '../../system/printable.ts'
import { type BytePath, displayPath, systemPath } from '../../tree/byte-path.ts'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
/** Longer ones take the library minutes. */
const longestText = 8 * 1024 * 1024

interface ComparedFile {
  /** As the application knows it. */
  path: BytePath
  before: BytePath
  after: BytePath
}

/** The lines of a file that differ, as diff -u has them; of one that is no text where it begins to. */
export function formatTextDiff({ path: at, before, after }: ComparedFile): {
  document: object
  text: string
} {
  const path = printable(displayPath(at))
  const [one, other] = [readRegular(before), readRegular(after)]
  if (one.equals(other)) return { document: { path, equal: true }, text: `${path} is the same\n` }

  if ([one, other].some(isBinary)) {
    const offset = firstDifference(one, other)
    const document = { path, equal: false, binary: true, offset }
    return {
      document,
      text: `${path} is binary: ${one.length} and ${other.length} bytes, different from byte ${offset} on\n`,
    }
  }

  const patch = createTwoFilesPatch(
    displayPath(before),
    displayPath(after),
    one.toString(),
    other.toString(),
  )
  const lines = patch.split('\n').filter((line) => !line.startsWith('===='))
  const text = lines.map((line) => printable(line.replaceAll('\t', '    '))).join('\n')
  return { document: { path, equal: false, binary: false, patch }, text }
}

/** Empty where there is none. Throws OperationError for what is no file. */
function readRegular(path: BytePath): Buffer {
  let descriptor
  try {
    descriptor = openSync(systemPath(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw new OperationError(`${displayPath(path)} is no regular file`)
    if (stat.size > longestText) {
      throw new OperationError(`${displayPath(path)} has more than ${longestText} bytes`, {
        fix: 'compare it with cmp(1), both are plain files',
      })
    }
    return readFileSync(descriptor)
  } catch (error) {
    if (isNotFound(error)) return Buffer.alloc(0)
    throw error
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/** As diff(1) judges: by a NUL near the beginning. */
function isBinary(content: Buffer): boolean {
  return content.subarray(0, 65_536).includes(0)
}

function firstDifference(one: Buffer, other: Buffer): number {
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at += 1) if (one[at] !== other[at]) return at
  return length
}

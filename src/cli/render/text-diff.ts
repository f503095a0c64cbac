import { isUtf8 } from 'node:buffer'
import { closeSync, fstatSync, readFileSync } from 'node:fs'
import { createTwoFilesPatch } from 'diff'
import { OperationError } from '../../errors.ts'
import { printable } from '../../system/printable.ts'
import { type BytePath, displayPath } from '../../tree/byte-path.ts'
import { type FilePlace, openFileBelow } from '../../tree/file-below.ts'
import { pathFields } from './path-fields.ts'

/** Longer ones take the library minutes. */
const longestText = 8 * 1024 * 1024

interface ComparedFile {
  /** As the application knows it. */
  path: BytePath
  before: FilePlace
  after: FilePlace
}

/** The lines of a file that differ, as diff -u has them; of one that is no text where it begins to. */
export function formatTextDiff({ path: at, before, after }: ComparedFile): {
  document: object
  text: string
} {
  const name = printable(displayPath(at))
  const path = pathFields('path', at)
  const [had, has] = [readRegular(before), readRegular(after)]
  const [one, other] = [had ?? Buffer.alloc(0), has ?? Buffer.alloc(0)]
  const isInBoth = had !== undefined && has !== undefined
  if (one.equals(other)) {
    const what = isInBoth ? 'is the same' : 'is empty, and only in one of them'
    return { document: { ...path, equal: isInBoth }, text: `${name} ${what}\n` }
  }

  if ([one, other].some(isBinary)) {
    const offset = firstDifference(one, other)
    const document = { ...path, equal: false, binary: true, offset }
    return {
      document,
      text: `${name} is binary: ${one.length} and ${other.length} bytes, different from byte ${offset} on\n`,
    }
  }

  const [from, to] = [before, after].map(({ root, path: below }) => displayPath(`${root}/${below}`))
  const patch = createTwoFilesPatch(
    from ?? '',
    to ?? '',
    textOf(one),
    textOf(other),
    undefined,
    undefined,
    {
      timeout: longestMs,
    },
  )
  if (patch === undefined) {
    throw new OperationError(`the lines of ${name} differ too much to be compared in time`, {
      fix: 'compare them with diff(1), both are plain files',
    })
  }
  const lines = patch.split('\n').filter((line) => !line.startsWith('===='))
  const text = lines.map((line) => printable(line.replaceAll('\t', '    '))).join('\n')
  return { document: { ...path, equal: false, binary: false, patch }, text }
}

const longestMs = 20_000

/** Undefined where there is none. Throws OperationError for what is no file, or too large. */
function readRegular(place: FilePlace): Buffer | undefined {
  const descriptor = openFileBelow(place)
  if (descriptor === undefined) return undefined
  try {
    const { size } = fstatSync(descriptor)
    if (size <= longestText) return readFileSync(descriptor)
    throw new OperationError(`${displayPath(place.path)} has more than ${longestText} bytes`, {
      fix: 'compare it with cmp(1), both are plain files',
    })
  } finally {
    closeSync(descriptor)
  }
}

/** Bytes that are no UTF-8 stay apart as one character each. */
function textOf(content: Buffer): string {
  return isUtf8(content) ? content.toString() : content.toString('latin1')
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

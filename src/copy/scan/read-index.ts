import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { errorCode, isNotFound } from '../../errors.ts'
import { SourceIndex, isOfThisBoot, readGeneration } from './source-index.ts'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants

/** Reads an index to rely on; undefined when there is none that can be, and everything must be compared by content. */
export function readSourceIndex(file: string | undefined): Buffer | undefined {
  const content = readIndex(file)
  return content !== undefined && isOfThisBoot(readGeneration(content)) ? content : undefined
}

/** Reads an index, or a seal; undefined when there is none or a broken one. */
export function readIndex(file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined
  try {
    const descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    try {
      const content = readFileSync(descriptor)
      return SourceIndex.isWhole(content) ? content : undefined
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    if (isNotFound(error) || ['ELOOP', 'EISDIR'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}

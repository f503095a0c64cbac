import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { errorCode, isNotFound } from '../../errors.ts'
import { SourceIndex } from './source-index.ts'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants

/** Reads an index; undefined when there is none or a broken one. */
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

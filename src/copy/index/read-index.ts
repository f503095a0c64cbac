import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { errorCode, isNotFound } from '../../errors.ts'
import { SourceIndex } from './source-index.ts'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants

/** Reads an index; undefined when there is none or a broken one. */
export function readIndex(file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined
  try {
    const descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    try {
      const content = readShared(descriptor)
      return SourceIndex.isWhole(content) ? content : undefined
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    if (isNotFound(error) || ['ELOOP', 'EISDIR'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}

/** Into memory that the threads of a scan read too: of a million files it is 50 MB. */
function readShared(descriptor: number): Buffer {
  const { size } = fstatSync(descriptor)
  const content = Buffer.from(new SharedArrayBuffer(size))
  let position = 0
  while (position < size) {
    const length = readSync(descriptor, content, position, size - position, position)
    if (length === 0) break
    position += length
  }
  return content
}

import { createHash } from 'node:crypto'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { type BytePath, systemPath } from './byte-path.ts'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
const chunkBytes = 1024 * 1024

/** SHA-256 of a file, in hexadecimal, following no link at its end; a pipe is not waited for. */
export function digestOf(path: BytePath): string {
  const hash = createHash('sha256')
  const descriptor = openSync(systemPath(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes)
    let length
    while ((length = readSync(descriptor, chunk, 0, chunkBytes, null)) > 0) {
      hash.update(chunk.subarray(0, length))
    }
  } finally {
    closeSync(descriptor)
  }

  return hash.digest('hex')
}

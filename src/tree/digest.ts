import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { throwIfInterrupted } from '../errors.ts'
import { type BytePath, openAnyLength } from './byte-path.ts'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
const chunkBytes = 1024 * 1024
const chunksAtOnce = 32

/**
 * SHA-256 of a file, in hexadecimal, following no link at its end; a pipe is not waited for. Throws
 * InterruptedError when `signal` aborts.
 */
export async function digestOf(path: BytePath, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256')
  const descriptor = openAnyLength(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    // most files are small, and so large a buffer for each costs more than the digest
    const size = Math.min(chunkBytes, Math.max(1, fstatSync(descriptor).size))
    const chunk = Buffer.allocUnsafe(size)
    let length
    for (let count = 1; (length = readSync(descriptor, chunk, 0, size, null)) > 0; count += 1) {
      hash.update(chunk.subarray(0, length))
      if (count % chunksAtOnce !== 0) continue
      await setImmediate()
      throwIfInterrupted(signal)
    }
  } finally {
    closeSync(descriptor)
  }

  return hash.digest('hex')
}

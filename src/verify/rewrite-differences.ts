import { fdatasyncSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs'
import { errorCode } from '../errors.ts'

const chunkBytes = 128 * 1024

/**
 * Gives a file the content of another one, both open: writes only what differs, in place, so that
 * all its names have it and a crash leaves less to do again. A part that the disk does not give
 * counts as different. It is on the disk when this returns. Throws the error of the system.
 */
export function rewriteDifferences(good: number, damaged: number): void {
  const { size } = fstatSync(good)
  if (fstatSync(damaged).size !== size) ftruncateSync(damaged, size)

  const [wanted, there] = [Buffer.alloc(chunkBytes), Buffer.alloc(chunkBytes)]
  for (let position = 0; position < size;) {
    const length = readSync(good, wanted, 0, chunkBytes, position)
    // it got shorter: whoever asked compares the digest
    if (length === 0) break
    const found = readAsFarAsItGoes(damaged, there, length, position)
    if (found < length || wanted.compare(there, 0, length, 0, length) !== 0) {
      for (let at = 0; at < length;) {
        at += writeSync(damaged, wanted, at, length - at, position + at)
      }
    }
    position += length
  }

  fdatasyncSync(damaged)
}

function readAsFarAsItGoes(
  descriptor: number,
  into: Buffer,
  length: number,
  position: number,
): number {
  try {
    return readSync(descriptor, into, 0, length, position)
  } catch (error) {
    if (isUnreadable(error)) return 0
    throw error
  }
}

/** What a disk or a filesystem says of data that it has lost. */
export function isUnreadable(error: unknown): boolean {
  return ['EIO', 'EUCLEAN', 'EBADMSG', 'ENODATA'].includes(errorCode(error) ?? '')
}

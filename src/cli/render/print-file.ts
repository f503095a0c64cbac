import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { OperationError } from '../../errors.ts'
import type { Terminal } from '../../system/terminal.ts'
import { displayPath } from '../../tree/byte-path.ts'
import { type FilePlace, openFileBelow } from '../../tree/file-below.ts'

/** Writes the bytes of a regular file to standard output, which stays open. */
export async function printFile(
  place: FilePlace,
  { stdout }: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const descriptor = openFileBelow(place)
  if (descriptor === undefined) throw new OperationError(`${displayPath(place.path)} is gone`)

  const file = createReadStream('', { fd: descriptor })
  const write = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      if (!stdout.write(chunk)) await new Promise((resolve) => stdout.once('drain', resolve))
    }
  }
  await pipeline(file, write, { signal })
}

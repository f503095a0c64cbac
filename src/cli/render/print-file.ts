import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Terminal } from '../../system/terminal.ts'

/** Writes the bytes of a file to standard output, which stays open. */
export async function printFile(path: string | Buffer, { stdout }: Terminal): Promise<void> {
  await pipeline(createReadStream(path), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      if (!stdout.write(chunk)) await new Promise((resolve) => stdout.once('drain', resolve))
    }
  })
}

import { open } from 'node:fs/promises'
import { type Random, below, byteStream, createRandom } from './random.ts'

const blockBytes = 16 * 1024
const chunkBytes = 1024 * 1024

/** One large file, as of a database. */
export interface LargeFile {
  path: string
  bytes: number
  /** Overwrites one percent of it in blocks here and there, to the disk; gives how many bytes. */
  overwrite: () => Promise<number>
}

/** Makes it of whole MiB. */
export async function makeLargeFile(path: string, bytes: number): Promise<LargeFile> {
  const random = createRandom(1)
  const content = byteStream()
  const file = await open(path, 'w')
  try {
    for (let at = 0; at < bytes; at += chunkBytes) await file.write(content(chunkBytes))
    await file.sync()
  } finally {
    await file.close()
  }
  return { path, bytes, overwrite: () => overwriteBlocks(path, bytes, random, content) }
}

async function overwriteBlocks(
  path: string,
  bytes: number,
  random: Random,
  content: (size: number) => Buffer,
): Promise<number> {
  const blocks = bytes / blockBytes
  const chosen = new Set<number>()
  while (chosen.size < Math.round(blocks / 100)) chosen.add(below(random, blocks))
  const file = await open(path, 'r+')
  try {
    for (const block of chosen) {
      await file.write(content(blockBytes), 0, blockBytes, block * blockBytes)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return chosen.size * blockBytes
}

import { statfsSync } from 'node:fs'
import type { CopyProgress } from '../engine.ts'

const everyMs = 500

/**
 * Tells how far programs are that do not tell it themselves, by what the filesystem of `target` has
 * filled since now. Others may write there too: it is good for a display. Returns what ends it.
 */
export function watchSpace(
  target: string,
  total: { files: number; bytes: number },
  onProgress: (progress: CopyProgress) => void,
): () => void {
  const before = statfsSync(target)
  const timer = setInterval(() => {
    const now = statfsSync(target)
    const files = within(before.ffree - now.ffree, total.files)
    const bytes = within((before.bfree - now.bfree) * now.bsize, total.bytes)
    const fraction = Math.max(shareOf(files, total.files), shareOf(bytes, total.bytes))
    onProgress({ files, totalFiles: total.files, bytes, fraction })
  }, everyMs)
  return () => clearInterval(timer)
}

function within(count: number, most: number): number {
  return Math.min(Math.max(count, 0), most)
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}

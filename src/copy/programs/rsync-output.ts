import type { CopyProgress } from '../engine.ts'

/**
 * Reads the lines of `--info=progress2`, which end with \r:
 * `  1,234  56%  1.23MB/s  0:00:01 (xfr#3, to-chk=4/10)`.
 */
export function readProgress(onProgress: (progress: CopyProgress) => void) {
  let pending = ''
  return (chunk: Buffer): void => {
    const lines = (pending + chunk.toString('latin1')).split(/[\r\n]/)
    pending = lines.pop() ?? ''
    const last = lines.findLast((line) => line.includes('to-chk='))
    const progress = last === undefined ? undefined : parseProgress(last)
    if (progress !== undefined) onProgress(progress)
  }
}

export function parseProgress(line: string): CopyProgress | undefined {
  const match = /^\s*(\d+)\s+(\d+)%.*to-chk=(\d+)\/(\d+)\)/.exec(line)
  if (match === null) return undefined

  const [bytes = 0, percent = 0, left = 0, totalFiles = 0] = match.slice(1).map(Number)
  const files = totalFiles - left
  const byFiles = totalFiles === 0 ? 0 : files / totalFiles
  return { bytes, files, totalFiles, fraction: Math.min(1, Math.max(byFiles, percent / 100)) }
}

/** The names in rsync's `file has vanished: "NAME"` lines; it says `directory` where it was one. */
export function vanishedPaths(stderr: string): string[] {
  return [...stderr.matchAll(/^(?:file|directory) has vanished: "(.*)"$/gm)].map(
    (match) => match[1] ?? '',
  )
}

/** The first lines of rsync's own messages that tell a cause, for an error of one line. */
export function firstCause(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '')
  return lines.find((line) => !line.startsWith('rsync error:')) ?? lines[0] ?? 'no message'
}

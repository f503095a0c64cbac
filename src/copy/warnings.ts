import type { RecordWarning } from '../store/record.ts'
import { type BytePath, displayPath } from '../tree/byte-path.ts'

const mostNamedPaths = 100

/** A warning about files, with the first of their names; none when there are no files. */
export function warnOfPaths(code: string, what: string, paths: BytePath[]): RecordWarning[] {
  if (paths.length === 0) return []
  const named = paths.slice(0, mostNamedPaths).map(displayPath)
  return [{ code, message: `${paths.length} files ${what}`, paths: named }]
}

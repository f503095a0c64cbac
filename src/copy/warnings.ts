import type { RecordWarning } from '../store/record.ts'

const mostNamedPaths = 100

/** A warning about files, with the first of their names; none when there are no files. */
export function warnOfPaths(code: string, what: string, paths: readonly string[]): RecordWarning[] {
  if (paths.length === 0) return []
  return [{ code, message: `${paths.length} files ${what}`, paths: paths.slice(0, mostNamedPaths) }]
}

import type { RecordWarning } from '../store/record.ts'
import { counted } from '../system/counted.ts'
import { type BytePath, displayPath } from '../tree/byte-path.ts'

const mostNamedPaths = 100

/**
 * A warning about files, with the first of their names; none when there are no files. `what` is as
 * for `counted`, and `detail` stands behind it as it is.
 */
export function warnOfPaths(
  code: string,
  what: string,
  paths: BytePath[],
  detail = '',
): RecordWarning[] {
  if (paths.length === 0) return []
  const named = paths.slice(0, mostNamedPaths).map(displayPath)
  return [{ code, message: counted(paths.length, `{file|files} ${what}`) + detail, paths: named }]
}

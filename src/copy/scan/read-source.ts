import type { BigIntStats } from 'node:fs'
import { OperationError, errorCode, messageOf } from '../../errors.ts'
import { foreignMounts } from '../../system/mounts.ts'
import { type BytePath, displayPath, joinPath, lstatIfReachable } from '../../tree/byte-path.ts'
import type { DirectoryInTrees, ScanTask } from './scan-task.ts'

/** What the source does not let be read. */
export class UnreadableError extends OperationError {}

/** Reads a directory of the source; throws UnreadableError, which names it. */
export function readSource<T>(task: ScanTask, path: BytePath, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw explain(error, task, path)
  }
}

/**
 * Looks at an entry of the source, whose directory may be none any more; errors as above. `mounted`
 * where another filesystem was mounted on it since the scan began.
 */
export function lstatSource(
  task: ScanTask,
  { path, sourceEntries }: DirectoryInTrees,
  name: BytePath,
): BigIntStats | 'mounted' | undefined {
  try {
    return lstatIfReachable(`${sourceEntries}/${name}`)
  } catch (error) {
    const place = joinPath(path, name)
    if (errorCode(error) !== undefined && foreignMounts(task.source.path).has(place)) {
      return 'mounted'
    }
    throw explain(error, task, place)
  }
}

function explain(error: unknown, { source }: ScanTask, path: BytePath): unknown {
  if (errorCode(error) === undefined) return error
  const place = displayPath(path === '' ? source.path : `${source.path}/${path}`)
  // Node goes on with a call and a path through a descriptor
  const [what] = messageOf(error).split(', ')

  return new UnreadableError(`${place} cannot be read: ${what};`, {
    cause: error,
    fix: "look at the kernel's log (dmesg) and the mount",
  })
}

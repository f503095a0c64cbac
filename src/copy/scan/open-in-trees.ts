import { type BytePath, isInAny } from '../../tree/byte-path.ts'
import { errorCode, OperationError } from '../../errors.ts'
import type { TreeReader } from '../../tree/tree-reader.ts'
import { readSource } from './read-source.ts'
import type { DirectoryInTrees, ScanRoot, ScanTask } from './scan-task.ts'

/** Longer paths cost more than the way through a descriptor, and very long ones are refused. */
const longestDirectPath = 400

/** Goes to a directory in all trees; undefined when the source does not have it any more. */
export function openInTrees(task: ScanTask, path: BytePath): DirectoryInTrees | undefined {
  const { trees } = task
  const source = readSource(task, path, () => trees.source.enter(path))
  if (source === undefined) return undefined

  return {
    path,
    source,
    sourceEntries: directPath(task.source, path) ?? source,
    base: openBase(task, path),
    staging: openStaging(task, path),
    known: task.index?.directory(path),
  }
}

/**
 * The directory was made with the one above it, by the same scan: what leads there is known to be
 * directories.
 */
export function openStaging({ staging, trees }: ScanTask, path: BytePath): BytePath {
  const opened = directPath(staging, path) ?? trees.staging.enter(path)
  if (opened !== undefined) return opened
  throw new OperationError('somebody else changed the snapshot while it was taken', {
    fix: 'take it again',
  })
}

/** Undefined also where something is mounted over it, or it is closed to root. */
function openBase({ trees, baseMounts }: ScanTask, path: BytePath): BytePath | undefined {
  if (trees.base === undefined || isInAny(path, baseMounts)) return undefined
  return enterIfAllowed(trees.base, path)
}

function enterIfAllowed(reader: TreeReader, path: BytePath): BytePath | undefined {
  try {
    return reader.enter(path)
  } catch (error) {
    if (['EACCES', 'EPERM', 'EXDEV', 'ENOTCONN'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}

function directPath(root: ScanRoot, path: BytePath): BytePath | undefined {
  const direct = path === '' ? root.path : `${root.path}/${path}`
  return direct.length <= longestDirectPath ? direct : undefined
}

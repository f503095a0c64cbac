import { join } from 'node:path'
import { warnOfPaths } from '../../copy/warnings.ts'
import { OperationError } from '../../errors.ts'
import type { Snapshot } from '../../store/catalog.ts'
import type { RecordWarning } from '../../store/record.ts'
import { findUserNamespace, leaveUserNamespace } from '../../system/user-namespace.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { describeOwners, findUnknownOwners, ofOthers, unknownOwner } from '../unknown-owners.ts'
import { type RestoreTarget, excludesOfRestore } from './targets.ts'

/**
 * Throws OperationError where a restore would meet entries, in the snapshot or the live data, whose
 * owners it cannot give; warns of those of whose owners nobody can tell.
 */
export async function assertOwnersKnown(
  snapshot: Snapshot,
  targets: readonly RestoreTarget[],
  exclude: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RecordWarning[]> {
  const namespace = findUserNamespace()
  if (namespace === undefined) return []
  const warnings: RecordWarning[] = []
  const looked = targets.flatMap((one) => {
    const leftAlone = excludesOfRestore(exclude, snapshot, one)
    return [join(snapshot.path, one.from), one.path].map((path) => ({ path, leftAlone }))
  })

  for (const { path, leftAlone } of looked) {
    using directory = openDirectory(path)
    const { paths, sure } = await findUnknownOwners(directory, namespace, leftAlone, signal)
    if (sure.length > 0) {
      throw new OperationError(
        `nothing was restored: ${describeOwners(path, paths)}, and their owners cannot be given back here`,
        { fix: leaveUserNamespace },
      )
    }
    if (paths.length === 0) continue
    const message = `of ${path} {looks|look} as if {it|they} belonged ${ofOthers}, and may get another owner or group (${leaveUserNamespace})`
    warnings.push(...warnOfPaths(unknownOwner, message, paths))
  }
  return warnings
}

/** What a restore of a snapshot has to say of owners that were not kept when it was taken. */
export function warnOfLostOwners({ name, record }: Snapshot, id: string): RecordWarning[] {
  return record.warnings
    .filter((warning) => warning.code === unknownOwner && warning.volume === id)
    .map(({ paths = [] }) => ({
      code: unknownOwner,
      message: `${name} does not have the owners of some entries, which were outside of the user namespace it was taken in: look at them, and chown them`,
      paths,
    }))
}

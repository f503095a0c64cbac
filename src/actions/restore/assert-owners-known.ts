import { join } from 'node:path'
import { warnOfPaths } from '../../copy/warnings.ts'
import { OperationError } from '../../errors.ts'
import type { Snapshot } from '../../store/catalog.ts'
import type { RecordWarning } from '../../store/record.ts'
import { findUserNamespace, userNamespaceFix } from '../../system/user-namespace.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import {
  describeOwners,
  findUnknownOwners,
  toOutsiders,
  unknownOwnerCode,
} from '../unknown-owners.ts'
import { type RestoreTarget, excludesOfRestore } from './targets.ts'

/**
 * Throws OperationError when the snapshot or the live data have owners that this user namespace
 * cannot set. Warns when an owner cannot be determined. Walks both trees.
 */
export async function assertOwnersKnown(
  snapshot: Snapshot,
  targets: readonly RestoreTarget[],
  exclude: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RecordWarning[]> {
  const namespace = findUserNamespace()
  // outside of one, all users and groups are known
  if (namespace === undefined) return []
  const warnings: RecordWarning[] = []
  const trees = targets.flatMap((one) => {
    const excluded = excludesOfRestore(exclude, snapshot, one)
    return [join(snapshot.path, one.from), one.path].map((path) => ({ path, excluded }))
  })

  for (const { path, excluded } of trees) {
    using directory = openDirectory(path)
    const { paths, sure } = await findUnknownOwners(directory, namespace, excluded, signal)
    if (sure.length > 0) {
      throw new OperationError(
        `nothing was restored: ${describeOwners(path, paths)}, and their owners cannot be given back here`,
        { fix: userNamespaceFix },
      )
    }
    if (paths.length === 0) continue
    const message = `of ${path} {looks|look} as if {it|they} belonged ${toOutsiders}, and may get another owner or group (${userNamespaceFix})`
    warnings.push(...warnOfPaths(unknownOwnerCode, message, paths))
  }
  return warnings
}

/** Warns at a restore that the snapshot did not keep some owners. */
export function warnOfLostOwners({ name, record }: Snapshot, from: string): RecordWarning[] {
  return record.warnings
    .filter((warning) => warning.code === unknownOwnerCode && warning.volume === from)
    .map(({ paths = [] }) => ({
      code: unknownOwnerCode,
      message: `${name} did not keep the owners of some entries, because they were outside of its user namespace: check them, and chown them`,
      paths,
    }))
}

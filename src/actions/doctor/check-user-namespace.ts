import { excludesOf } from '../../config/exclude.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { findUserNamespace, userNamespaceFix } from '../../system/user-namespace.ts'
import type { StoreConfig } from '../context.ts'
import { describeOwners, findUnknownOwners } from '../unknown-owners.ts'
import { type DoctorFinding, note, problem, problemOf } from './finding.ts'

/** What a user namespace keeps from being copied; nothing where all users are known. */
export function checkUserNamespace(): DoctorFinding[] {
  const namespace = findUserNamespace()
  if (namespace === undefined) return []

  const { users, groups } = namespace
  return [
    note(
      'user namespace',
      `only the users ${users.known} and the groups ${groups.known} are known here; other owners cannot be kept, and no device files be made`,
      'where data have either: with userns-remap run with --userns=host, in rootless mode see docs/user-namespaces.md',
    ),
  ]
}

/** The entries of each volume whose owners are not known here: that takes a look at all of them. */
export async function checkVolumeOwners({
  volumes,
  exclude,
}: Pick<StoreConfig, 'volumes' | 'exclude'>): Promise<DoctorFinding[]> {
  const namespace = findUserNamespace()
  if (namespace === undefined) return []

  const findings: DoctorFinding[] = []
  for (const { id, path } of volumes) {
    const subject = `volume ${id}`
    try {
      using directory = openDirectory(path)
      const { paths } = await findUnknownOwners(
        directory,
        namespace,
        excludesOf(exclude, id),
        undefined,
      )

      if (paths.length > 0)
        findings.push(problem(subject, describeOwners(path, paths), userNamespaceFix))
    } catch (error) {
      findings.push(problemOf(subject, error))
    }
  }

  return findings
}

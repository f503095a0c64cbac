import { type BigIntStats, closeSync, constants, openSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SourceError, errorCode, throwIfInterrupted } from '../errors.ts'
import { warnOfPaths } from '../copy/warnings.ts'
import type { RecordWarning } from '../store/record.ts'
import {
  type BytePath,
  bytePath,
  displayPath,
  joinPath,
  readNames,
  systemPath,
} from '../tree/byte-path.ts'
import type { DirectoryHandle } from '../tree/directory-handle.ts'
import { type Excludes, compileExcludes } from '../tree/excludes.ts'
import { TreeReader } from '../tree/tree-reader.ts'
import { counted } from '../system/counted.ts'
import { foreignMounts } from '../system/mounts.ts'
import {
  type UserNamespace,
  findUserNamespace,
  userNamespaceFix,
} from '../system/user-namespace.ts'

/**
 * In a user namespace that does not know all users, the others look like one of them (65534), and
 * nothing can be given back to them. A copy of what they own is that user's.
 */

/** The warning of a snapshot that does not have the owners of some entries. */
export const unknownOwnerCode = 'unknown-owner'

export const toOutsiders = 'to users or groups outside of this user namespace'

/**
 * Warns of the entries of a volume whose owners a copy does not keep.
 * Throws SourceError where there can be no copy of them.
 */
export async function checkOwners(
  id: string,
  source: DirectoryHandle,
  exclude: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RecordWarning[]> {
  const namespace = findUserNamespace()
  if (namespace === undefined) return []
  const { paths, canBeCopied } = await findUnknownOwners(source, namespace, exclude, signal)
  if (paths.length > 0 && !canBeCopied) {
    throw new SourceError(
      `volume ${id} is not snapshotted: ${describeOwners(source.path, paths)}, and cannot be copied here`,
      { fix: userNamespaceFix },
    )
  }

  const { overflowId } = namespace.users
  return warnOfPaths(
    unknownOwnerCode,
    `{belongs|belong} ${toOutsiders}, and {is|are} kept as {that|those} of ${overflowId} (${userNamespaceFix})`,
    paths,
  )
}

export function describeOwners(directory: string, paths: readonly BytePath[]): string {
  const names = paths.slice(0, 3).map(displayPath)
  const more = paths.length > names.length ? ', ...' : ''
  const [many, belong] = [
    counted(paths.length, '{entry|entries}'),
    paths.length === 1 ? 'belongs' : 'belong',
  ]
  return `${many} of ${directory} ${belong} ${toOutsiders} (${names.join(', ')}${more})`
}

export interface UnknownOwners {
  paths: BytePath[]
  /** Those of them of which it is certain; of the others nobody can tell. */
  sure: BytePath[]
  /** Whether they can be given the owner that they seem to have. */
  canBeCopied: boolean
}

/**
 * Looks at all entries of the tree, but for what is mounted in it, what `exclude` names, and what
 * is in directories that are closed to root. Of links, devices and groups nobody can tell; they are
 * taken for what the files and directories around them are.
 */
export async function findUnknownOwners(
  directory: DirectoryHandle,
  namespace: UserNamespace,
  exclude: readonly string[],
  signal: AbortSignal | undefined,
): Promise<UnknownOwners> {
  const found: Record<Owner, BytePath[]> = { lost: [], unknown: [], untold: [], known: [] }
  using reader = new TreeReader(directory.here)
  for await (const { path, stat } of walkOpen(directory, exclude, signal)) {
    if (looksUnknown(stat, namespace)) found[askOwner(reader, path, stat, namespace)].push(path)
  }

  const { lost, unknown, untold, known } = found
  const isSure = lost.length + unknown.length === 0 && known.length > 0
  const sure = [...lost, ...unknown]
  return { paths: [...sure, ...(isSure ? [] : untold)], sure, canBeCopied: lost.length === 0 }
}

function looksUnknown({ uid, gid }: BigIntStats, { users, groups }: UserNamespace): boolean {
  return uid === BigInt(users.overflowId) || gid === BigInt(groups.overflowId)
}

/**
 * Of an entry that looks as if nobody knew its owner: `lost` is one that cannot even be given the
 * id that it shows.
 */
type Owner = 'lost' | 'unknown' | 'untold' | 'known'

function askOwner(
  reader: TreeReader,
  path: BytePath,
  stat: BigIntStats,
  { users, groups }: UserNamespace,
): Owner {
  const isUser = stat.uid === BigInt(users.overflowId)
  const isGroup = stat.gid === BigInt(groups.overflowId)
  if ((isUser && !users.isOverflowKnown) || (isGroup && !groups.isOverflowKnown)) return 'lost'
  if (!isUser || !(stat.isFile() || stat.isDirectory())) return 'untold'

  try {
    const opened = reader.at(path, (trusted) => openSync(systemPath(trusted), withoutAtime))
    if (opened !== undefined) closeSync(opened)
    return 'known'
  } catch (error) {
    return ['EACCES', 'EPERM'].includes(errorCode(error) ?? '') ? 'unknown' : 'untold'
  }
}

/** open(2): O_NOATIME is for the owner, and for root of a user namespace that knows the owner. */
const withoutAtime =
  constants.O_RDONLY | constants.O_NOATIME | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * A directory that is closed to root belongs to somebody who is not known, and was given itself.
 */
async function* walkOpen(
  { here, path }: DirectoryHandle,
  exclude: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<{ path: BytePath; stat: BigIntStats }> {
  using reader = new TreeReader(here)
  const excludes = compileExcludes(exclude, foreignMounts(bytePath(path)))
  const root = reader.lstat('.')
  if (root !== undefined) yield { path: '.', stat: root }

  const pending: BytePath[] = ['']
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    await nextTurn()
    throwIfInterrupted(signal)
    for (const [below, stat] of statEntries(reader, next, excludes)) {
      if (stat.isDirectory()) pending.push(below)
      yield { path: below, stat }
    }
  }
}

function statEntries(
  reader: TreeReader,
  directory: BytePath,
  excludes: Excludes,
): [path: BytePath, stat: BigIntStats][] {
  try {
    const here = reader.enter(directory)
    return (here === undefined ? [] : readNames(here)).flatMap((name) => {
      const path = joinPath(directory, name)
      const stat = excludes.has(path, false) ? undefined : reader.lstat(path)
      if (stat === undefined || (stat.isDirectory() && excludes.has(path, true))) return []
      return [[path, stat]]
    })
  } catch (error) {
    // of anything else the copy tells
    if (errorCode(error) !== undefined) return []
    throw error
  }
}

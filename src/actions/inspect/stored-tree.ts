import { createHash } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { type ListedEntry, listTree, nanosecondsOf } from '../../diff/list-tree.ts'
import type { Attributes } from '../../diff/read-attributes.ts'
import { OperationError } from '../../errors.ts'
import { type BytePath, joinPath } from '../../tree/byte-path.ts'
import { digestOf } from '../../tree/digest.ts'
import type { DirectoryHandle } from '../../tree/directory-handle.ts'
import { type FilePlace, statBelow } from '../../tree/file-below.ts'
import { type FileKey, noContent } from '../../verify/digest-table.ts'
import { readBirths } from '../../verify/read-births.ts'
import { isUnreadable } from '../../verify/rewrite-differences.ts'
import type { ActionContext } from '../context.ts'

/** The tree of a volume in a snapshot, listed. */
export interface StoredTree {
  here: string
  cwd: string
  entries: ReadonlyMap<BytePath, ListedEntry>
  /** By inode. */
  births: ReadonlyMap<string, bigint>
  /** Files of subvolumes that changed keep inode and birth. */
  isSubvolume: boolean
}

/** Lists a tree while it is open. Throws ProgramError where something cannot be read. */
export async function openStoredTree(
  { here, cwd }: DirectoryHandle,
  { store, signal }: Pick<ActionContext, 'store' | 'signal'>,
): Promise<StoredTree> {
  const entries = await listTree(cwd, signal)
  const births = await readBirths(cwd, [...entries.keys()], signal)
  const isSubvolume = lstatSync(`${here}/.`).dev !== lstatSync(store.directory).dev
  return { here, cwd, entries, births, isSubvolume }
}

/** Throws OperationError where the filesystem tells no birth. */
export function keyOf(
  { births, isSubvolume }: Pick<StoredTree, 'births' | 'isSubvolume'>,
  { inode, ctime }: ListedEntry,
): FileKey {
  const born = births.get(inode)
  if (born === undefined) {
    throw new OperationError(
      'the filesystem of the store does not tell when a file was made, so a later one could be taken for it',
      { fix: 'keep the store on ext4, XFS or btrfs to verify it' },
    )
  }
  return {
    inode: BigInt(inode),
    born,
    ctime: isSubvolume ? nanosecondsOf(ctime) : 0n,
  }
}

/**
 * The key of what is at a path of a snapshot; undefined where nothing is. `store` is the directory
 * of the store.
 */
export function keyBelow(place: FilePlace, store: string): FileKey | undefined {
  const stat = statBelow(place)
  if (stat === undefined) return undefined
  const isSubvolume = stat.dev !== lstatSync(store, { bigint: true }).dev
  return { inode: stat.ino, born: stat.birthtimeNs, ctime: isSubvolume ? stat.ctimeNs : 0n }
}

/** 128 bits of a digest: nobody gains anything by two that are the same. */
export function describeMetadata(
  { type, size, mode, owner, mtime }: ListedEntry,
  attributes: Attributes | undefined,
): string {
  const { acl = '', xattrs = '' } = attributes ?? {}
  // the size of a directory is what its filesystem makes of it
  const facts = [type, type === 'd' ? '' : size, mode, owner, mtime, acl, xattrs]
  return createHash('sha256').update(facts.join('\0'), 'latin1').digest('hex').slice(0, 32)
}

/** Its digest, as the table of digests has it; undefined where the disk does not give it. */
export async function contentOf(
  here: BytePath,
  path: BytePath,
  { type, target }: ListedEntry,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (type === 'l') return createHash('sha256').update(target, 'latin1').digest('hex')
  if (type !== 'f') return noContent
  try {
    return await digestOf(joinPath(here, path), signal)
  } catch (error) {
    if (isUnreadable(error)) return undefined
    throw error
  }
}

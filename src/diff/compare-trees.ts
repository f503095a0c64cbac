import { type BytePath, isGone, joinPath, lstatIfReachable } from '../tree/byte-path.ts'
import { digestOf } from '../tree/digest.ts'
import { hasSameContent } from '../tree/same-content.ts'
import { yielding } from '../tree/yielding.ts'
import type { ListedEntry } from './list-tree.ts'
import type { Attributes } from './read-attributes.ts'

/** What became of a path from one tree to the other. */
export interface Change {
  kind: 'added' | 'deleted' | 'modified' | 'metadata' | 'type' | 'renamed'
  path: BytePath
  /** What find calls it there; of what was deleted, before. */
  type: string
  /** Where a renamed one was. */
  from?: BytePath
  /** What else is different: `mode`, `owner`, `mtime`, `acl`, `xattrs`. */
  metadata?: string[]
  /** Apparent sizes of files, before and after. */
  size: { from: number | null; to: number | null }
}

/** One of the two trees. */
export interface ComparedTree {
  /** A path through which its entries can be read. */
  here: BytePath
  entries: ReadonlyMap<BytePath, ListedEntry>
  /** ACLs and extended attributes of some entries, as text; absent where they have none. */
  attributesOf(paths: readonly BytePath[]): Promise<ReadonlyMap<BytePath, Attributes>>
}

/** Whether an entry that both trees have is certainly the same, without a look at its content. */
export type IsSame = (path: BytePath, before: ListedEntry, after: ListedEntry) => boolean

/**
 * Compares two trees: what `isSame` knows to be the same is not read. Of the others the contents
 * decide, and not size and time.
 */
export async function compareTrees(
  before: ComparedTree,
  after: ComparedTree,
  isSame: IsSame,
  signal: AbortSignal | undefined,
): Promise<Change[]> {
  const deleted = new Map<BytePath, ListedEntry>()
  const pairs: BytePath[] = []
  for (const [path, entry] of before.entries) {
    const other = after.entries.get(path)
    if (other === undefined) deleted.set(path, entry)
    else if (!isSame(path, entry, other)) pairs.push(path)
  }

  const added = new Map([...after.entries].filter(([path]) => !before.entries.has(path)))
  const renamed = await findRenamed({ before, after, deleted, added, isSame, signal })
  for (const { path, from = '' } of renamed) {
    deleted.delete(from)
    added.delete(path)
  }

  const changes = [
    ...renamed,
    ...Array.from(deleted, ([path, entry]) => changeOf('deleted', path, entry, undefined)),
    ...Array.from(added, ([path, entry]) => changeOf('added', path, undefined, entry)),
    ...(await comparePairs(before, after, pairs, signal)),
  ]
  return changes.toSorted((one, other) => (one.path < other.path ? -1 : 1))
}

function changeOf(
  kind: Change['kind'],
  path: BytePath,
  before: ListedEntry | undefined,
  after: ListedEntry | undefined,
): Change {
  return {
    kind,
    path,
    type: (after ?? before)?.type ?? '',
    size: { from: sizeOf(before), to: sizeOf(after) },
  }
}

function sizeOf(entry: ListedEntry | undefined): number | null {
  return entry?.type === 'f' ? Number(entry.size) : null
}

async function comparePairs(
  before: ComparedTree,
  after: ComparedTree,
  paths: readonly BytePath[],
  signal: AbortSignal | undefined,
): Promise<Change[]> {
  const [had, has] = await Promise.all([before.attributesOf(paths), after.attributesOf(paths)])
  const changes: Change[] = []
  for await (const path of yielding(paths, signal)) {
    const [entry, other] = [before.entries.get(path), after.entries.get(path)]
    if (entry === undefined || other === undefined) continue

    if (entry.type !== other.type) {
      changes.push(changeOf('type', path, entry, other))
      continue
    }

    const metadata = compareMetadata(entry, other, had.get(path), has.get(path))
    const isModified = await differs(before, after, path)
    if (!isModified && metadata.length === 0) continue
    const change = changeOf(isModified ? 'modified' : 'metadata', path, entry, other)
    changes.push(metadata.length === 0 ? change : { ...change, metadata })
  }
  return changes
}

async function differs(
  before: ComparedTree,
  after: ComparedTree,
  path: BytePath,
): Promise<boolean> {
  const [entry, other] = [before.entries.get(path), after.entries.get(path)]
  if (entry?.type === 'l') return entry.target !== other?.target
  if (entry?.type === 'b' || entry?.type === 'c') {
    const [one, two] = [before, after].map(
      ({ here }) => lstatIfReachable(joinPath(here, path))?.rdev,
    )
    return one !== two
  }
  if (entry?.type !== 'f') return false
  if (entry.size !== other?.size) return true
  try {
    return !(await hasSameContent(joinPath(before.here, path), joinPath(after.here, path)))
  } catch (error) {
    // live data go on changing
    if (isGone(error)) return true
    throw error
  }
}

function compareMetadata(
  before: ListedEntry,
  after: ListedEntry,
  had: Attributes | undefined,
  has: Attributes | undefined,
): string[] {
  return [
    ...(before.mode === after.mode ? [] : ['mode']),
    ...(before.owner === after.owner ? [] : ['owner']),
    ...(before.mtime === after.mtime ? [] : ['mtime']),
    ...(had?.acl === has?.acl ? [] : ['acl']),
    ...(had?.xattrs === has?.xattrs ? [] : ['xattrs']),
  ]
}

/** What is only in one of two trees. */
interface Moves {
  before: ComparedTree
  after: ComparedTree
  deleted: ReadonlyMap<BytePath, ListedEntry>
  added: ReadonlyMap<BytePath, ListedEntry>
  isSame: IsSame
  signal: AbortSignal | undefined
}

/**
 * Files that went from one path to another: those that are known to be the same by their inode, and
 * then, of what is left, those with the same content. Empty files tell nothing.
 */
async function findRenamed(moves: Moves): Promise<Change[]> {
  const { deleted, added, isSame } = moves
  const gone = new Map([...deleted].filter(isFilled))
  const come = new Map([...added].filter(isFilled))
  const renamed: Change[] = []
  const take = (from: BytePath, path: BytePath): void => {
    renamed.push({ ...changeOf('renamed', path, gone.get(from), come.get(path)), from })
    gone.delete(from)
    come.delete(path)
  }

  const byInode = new Map(Array.from(gone, ([path, { inode }]) => [inode, path]))
  for (const [path, entry] of come) {
    const from = byInode.get(entry.inode)
    const before = from === undefined ? undefined : gone.get(from)
    if (from !== undefined && before !== undefined && isSame(from, before, entry)) take(from, path)
  }

  for (const [path, from] of await findSameContent(moves, gone, come)) take(from, path)
  return renamed
}

function isFilled([, { type, size }]: readonly [BytePath, ListedEntry]): boolean {
  return type === 'f' && size !== '0'
}

/** Where files are now, with where their content was; only those are read whose sizes meet. */
async function findSameContent(
  { before, after, signal }: Moves,
  gone: ReadonlyMap<BytePath, ListedEntry>,
  come: ReadonlyMap<BytePath, ListedEntry>,
): Promise<[path: BytePath, from: BytePath][]> {
  const sizes = new Set(Array.from(gone.values(), ({ size }) => size))
  const comeSizes = new Set(Array.from(come.values(), ({ size }) => size))

  const byDigest = new Map<string, BytePath[]>()
  for (const [path, { size }] of gone) {
    if (!comeSizes.has(size)) continue
    const digest = await digestOf(joinPath(before.here, path), signal)
    byDigest.set(digest, [...(byDigest.get(digest) ?? []), path])
  }

  const found: [BytePath, BytePath][] = []
  for (const [path, { size }] of come) {
    if (!sizes.has(size)) continue
    const digest = await digestIfThere(joinPath(after.here, path), signal)
    const from = byDigest.get(digest)?.shift()
    if (from !== undefined) found.push([path, from])
  }
  return found
}

/** Empty for what went meanwhile. */
async function digestIfThere(path: BytePath, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await digestOf(path, signal)
  } catch (error) {
    if (isGone(error)) return ''
    throw error
  }
}

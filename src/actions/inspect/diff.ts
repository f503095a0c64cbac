import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { excludesOf } from '../../config/exclude.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { type Knowledge, openKnowledge } from '../../copy/index/knowledge.ts'
import { readIndex } from '../../copy/index/read-index.ts'
import {
  type Change,
  type ComparedTree,
  type IsSame,
  compareTrees,
} from '../../diff/compare-trees.ts'
import { type ListedEntry, listTree, nanosecondsOf } from '../../diff/list-tree.ts'
import { readAttributes } from '../../diff/read-attributes.ts'
import { OperationError, UsageError } from '../../errors.ts'
import { type Snapshot, readCatalog } from '../../store/catalog.ts'
import { futureFirst } from '../../store/future.ts'
import { indexFileName } from '../../store/layout.ts'
import { resolveReference } from '../../store/references.ts'
import { identifyMount } from '../../system/mounted-filesystem.ts'
import { type BytePath, bytePath, parentOf } from '../../tree/byte-path.ts'
import { compileExcludes, isWithin } from '../../tree/excludes.ts'
import { type FilePlace, isFileThere } from '../../tree/file-below.ts'
import { type DirectoryHandle, openDirectory } from '../../tree/directory-handle.ts'
import type { ActionContext } from '../context.ts'
import { assertPathsInside, relativeTo } from '../find-path.ts'

/** The word for the data as they are now. */
export const live = 'live'

export interface DiffOptions {
  from: string
  /** A snapshot, or `live`. */
  to: string
  /** Empty for all that both have. */
  volumes: readonly string[]
  /** Only these and what is in them: as the application knows them, or as ID:PATH. */
  paths: readonly string[]
}

export interface VolumeDiff {
  id: string
  /** Where the application has it. */
  path: string
  changes: Change[]
}

export interface Diff {
  from: string
  to: string
  volumes: VolumeDiff[]
}

/**
 * What became of each path from a snapshot to another one, or to the live data. Two snapshots are
 * compared by their inodes: a file that both have is one file. What is not known to be the same is
 * read. Throws OperationError where something cannot be read.
 */
export async function diff(context: ActionContext, options: DiffOptions): Promise<Diff> {
  const { store, clock } = context
  const catalog = readCatalog(store)
  const from = resolveReference(catalog, options.from, clock.now())
  const to = options.to === live ? undefined : resolveReference(catalog, options.to, clock.now())

  const volumes: VolumeDiff[] = []
  const chosen = chooseVolumes(context, from, to, options)
  assertPathsInside(options.paths, chosen)
  for (const { id, path } of chosen) {
    const changes = await diffVolume(context, { from, to, id, path })
    volumes.push({ id, path, changes: changes.filter(isWanted(options.paths, id, path)) })
  }

  return { from: from.name, to: to?.name ?? live, volumes }
}

/** The volumes of both, by ID. */
function chooseVolumes(
  { config }: ActionContext,
  from: Snapshot,
  to: Snapshot | undefined,
  { volumes }: DiffOptions,
): VolumeSpec[] {
  const others = to === undefined ? config.volumes : to.record.volumes
  const inBoth = others.filter(({ id }) => from.record.volumes.some((volume) => volume.id === id))
  const missing = volumes.find((id) => !inBoth.some((volume) => volume.id === id))
  if (missing !== undefined || inBoth.length === 0) {
    throw new UsageError(
      `${from.name} and ${to?.name ?? 'the live data'} have no volume ${missing ?? ''} in common`,
      { fix: `${from.name} has ${from.record.volumes.map(({ id }) => id).join(', ')}` },
    )
  }

  return inBoth.filter(({ id }) => volumes.length === 0 || volumes.includes(id))
}

interface VolumePair {
  from: Snapshot
  to: Snapshot | undefined
  id: string
  path: string
}

async function diffVolume(
  context: ActionContext,
  { from, to, id, path }: VolumePair,
): Promise<Change[]> {
  using opened = new DisposableStack()
  const before = opened.use(openDirectory(join(from.path, id)))
  const after = opened.use(openDirectory(to === undefined ? path : join(to.path, id)))
  const knowledge = to === undefined ? await knowLive(context, id, after) : undefined
  if (knowledge !== undefined) opened.use(knowledge)

  const [one, other] = await Promise.all([
    openTree(before, context.signal),
    openTree(after, context.signal),
  ])
  if (to === undefined) leaveOut(other, context, from, id)
  const isSame = to === undefined ? sameAsLive(before, knowledge) : sameFile(before, after)
  // while both are open
  return await compareTrees(one, other, isSame, context.signal)
}

/** What snapshots leave out is in none, so it is no change. */
function leaveOut(
  { entries }: OpenedTree,
  context: ActionContext,
  from: Snapshot,
  id: string,
): void {
  const { exclude = [] } = from.record.volumes.find((volume) => volume.id === id) ?? {}
  const excludes = compileExcludes([...exclude, ...excludesOf(context.config.exclude, id)])
  if (excludes.isEmpty) return
  for (const [path, { type }] of entries) {
    const isOut = excludes.has(path, type === 'd') || isWithin(parentOf(path), excludes)
    if (path !== '' && isOut) entries.delete(path)
  }
}

interface OpenedTree extends ComparedTree {
  entries: Map<BytePath, ListedEntry>
}

async function openTree(
  { here, cwd }: DirectoryHandle,
  signal: AbortSignal | undefined,
): Promise<OpenedTree> {
  return {
    here,
    entries: await listTree(cwd, signal),
    attributesOf: async (paths) => readAttributes(cwd, paths, signal),
  }
}

/** What the newest snapshot of a volume proves of the live data as they are now. */
async function knowLive(
  { store, clock }: ActionContext,
  id: string,
  data: DirectoryHandle,
): Promise<Knowledge | undefined> {
  const { snapshots } = futureFirst(readCatalog(store), clock.now())
  const newest = snapshots.findLast(({ record }) => record.volumes.some((one) => one.id === id))
  const volume = newest?.record.volumes.find((one) => one.id === id)
  if (newest === undefined || volume === undefined) return undefined

  return openKnowledge(
    {
      tree: join(newest.path, id),
      index: readIndex(join(newest.path, indexFileName(id))),
      keptInodes: volume.engine === 'btrfs',
    },
    await identifyMount(data),
  )
}

/** A file of two snapshots is one file; subvolumes keep inode and ctime of what did not change. */
function sameFile(before: DirectoryHandle, after: DirectoryHandle): IsSame {
  const devices = [before, after].map(({ here }) => lstatSync(`${here}/.`, { bigint: true }).dev)
  const isOneFilesystem = devices[0] === devices[1]
  return (_, one, other) =>
    one.inode === other.inode &&
    one.type === other.type &&
    (isOneFilesystem || (one.ctime === other.ctime && one.size === other.size))
}

function sameAsLive(before: DirectoryHandle, knowledge: Knowledge | undefined): IsSame {
  if (knowledge === undefined) return () => false
  const snapshotDevice = lstatSync(`${before.here}/.`, { bigint: true }).dev

  return (path, one, other) => {
    if (one.type === 'd') return false
    const newest = knowledge.tree.lstat(path)
    const isOneFile = newest?.ino === BigInt(one.inode) && newest.dev === snapshotDevice
    return isOneFile && knowledge.has(path, statOf(other))
  }
}

function statOf({ inode, size, mtime, ctime }: ListedEntry) {
  return {
    ino: BigInt(inode),
    size: BigInt(size),
    mtimeNs: nanosecondsOf(mtime),
    ctimeNs: nanosecondsOf(ctime),
  }
}

function isWanted(paths: readonly string[], id: string, root: string): (change: Change) => boolean {
  const wanted = paths.flatMap((path) => relativeTo(path, id, root) ?? [])
  if (paths.length === 0) return () => true
  const isIn = (path: BytePath): boolean =>
    wanted.some((one) => one === '' || path === one || path.startsWith(`${one}/`))
  return ({ path, from }) => isIn(path) || (from !== undefined && isIn(from))
}

/** One file of both, for a look at its text. Throws OperationError where it is in neither. */
export async function findFile(
  context: ActionContext,
  options: DiffOptions,
  file: string,
): Promise<{ path: BytePath; before: FilePlace; after: FilePlace }> {
  const { store, clock } = context
  const catalog = readCatalog(store)
  const from = resolveReference(catalog, options.from, clock.now())
  const to = options.to === live ? undefined : resolveReference(catalog, options.to, clock.now())

  const chosen = chooseVolumes(context, from, to, options)
  assertPathsInside([file], chosen)
  for (const { id, path: root } of chosen) {
    const path = relativeTo(file, id, root)
    if (path === undefined) continue
    const before = { root: bytePath(join(from.path, id)), path }
    const after = { root: bytePath(to === undefined ? root : join(to.path, id)), path }
    if (isFileThere(before) || isFileThere(after)) return { path, before, after }
  }

  throw new OperationError(
    `${file} is neither in ${from.name} nor in ${to?.name ?? 'the live data'}`,
    {
      fix: 'write the path as the application knows it, or as ID:PATH',
    },
  )
}

import { type BytePath, bytePath } from '../../tree/byte-path.ts'
import { compileExcludes } from '../../tree/excludes.ts'
import { identifyMount } from '../../system/mounted-filesystem.ts'
import { compareLive } from './compare-live.ts'
import type { Difference } from './difference.ts'
import type { RestoreAction, RestoreCounts, RestoreRequest, RestoreStep } from '../engine.ts'
import { yielding } from '../../tree/yielding.ts'
import type { ItemizedChange } from '../programs/itemized-changes.ts'
import { openKnowledge } from '../index/knowledge.ts'
import { LeftOutAttributes } from '../left-out-attributes.ts'
import { type EntryLists, noEntries } from './make-entries.ts'
import { compareContents, compareRoots } from '../programs/rsync-listed.ts'
import { eachPath, listPaths } from '../../tree/path-list.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

/** What makes the live data equal to a snapshot. */
export interface RestorePlan {
  /** Removed first. */
  remove: BytePath[]
  /** What is made whole and put into its place; missing directories each after the one it is in. */
  make: EntryLists
  /** The names of those that have several, each file by itself. */
  groups: BytePath[][]
  /** Whether a symbolic link is among what is made. */
  makesLinks: boolean
  /**
   * Existing directories that get other attributes; true where more differs than lstat(2) shows.
   */
  directories: Map<BytePath, boolean>
  /**
   * Left as they are, because the live data have what the snapshot had before somebody changed it
   * there.
   */
  historyChanged: BytePath[]
  /** What the snapshot has and the live data may not get, and what they have and lose. */
  leftOut: LeftOutAttributes
  /** Left as they are, because SNAP_EXCLUDE names them. */
  leftAlone: BytePath[]
  /** Left as they are, because live data are to be kept, and the snapshot has another type there. */
  otherType: BytePath[]
  counts: RestoreCounts
}

/** Finds out what a restore has to do, and tells of each step; changes nothing. */
export async function planRestore(
  request: RestoreRequest,
  onStep: (step: RestoreStep) => void = () => undefined,
): Promise<RestorePlan> {
  const difference = await findDifference(request)
  const { remove, anew, toVerify, create, newDirectories, links } = difference
  const counts: RestoreCounts = { created: 0, changed: 0, deleted: remove.length, bytes: 0 }
  const tell = (action: RestoreAction, path: BytePath): void => {
    if (action === 'create') counts.created += 1
    if (action === 'change') counts.changed += 1
    onStep({ action, path })
  }

  for (const path of remove) tell('delete', path)
  for (const list of [newDirectories, create]) {
    for (const path of eachPath(list.bytes())) tell('create', path)
  }

  const differing = new Map<BytePath, RestoreAction>(anew.map((path) => [path, 'change']))
  const directories = new Map<BytePath, boolean>()
  const note = ({ action, path, isDirectory, isHidden }: ItemizedChange): void => {
    // rsync also tells of directories that lead to what it compares
    if (isDirectory && request.only?.covers(path) === false) return
    if (isDirectory) directories.set(path, isHidden)
    // one of another type is created there
    else differing.set(path, action === 'create' ? 'change' : action)
  }

  await compareContents(request, toVerify.without(new Set(anew)), difference.directories, note)
  if (request.only?.covers('') !== false) await compareRoots(request, note)

  for (const { path, first, there } of links) {
    const along = differing.get(first)
    if (there === 'nothing') tell('create', path)
    else if (there === 'another') differing.set(path, 'change')
    else if (along !== undefined) differing.set(path, along)
  }

  for (const [path, action] of differing) tell(action, path)
  for (const path of directories.keys()) tell('attributes', path || '.')
  const made = await listMade(request, difference, differing)
  counts.bytes = made.make.bytes

  const leftOut = await findLeftOut(request, difference, made.make)
  const { historyChanged, leftAlone, otherType } = difference
  return { remove, ...made, directories, historyChanged, leftAlone, otherType, leftOut, counts }
}

/**
 * Looks at all that is not proven to be equal, because a comparison does not tell; and at what is
 * replaced.
 */
async function findLeftOut(
  { source, target, lacking, signal }: RestoreRequest,
  { create, toVerify, newDirectories, directories }: Difference,
  { files, linked }: EntryLists,
): Promise<LeftOutAttributes> {
  const leftOut = new LeftOutAttributes()
  const wanted = [create, toVerify, newDirectories, directories].map((list) => list.bytes())
  await leftOut.look(source.cwd, [listPaths(['.']), ...wanted], signal)
  const replaced = [files.bytes(), linked.bytes()]
  await leftOut.look(target.cwd, replaced, signal)
  if (lacking !== undefined) {
    const made = [newDirectories, create].flatMap((list) => [...eachPath(list.bytes())])
    await leftOut.lookForLost(target.cwd, { replaced, made }, lacking, signal)
  }
  return leftOut
}

async function findDifference(request: RestoreRequest): Promise<Difference> {
  const { source, target, wanted, known, except, exclude, unreadable } = request
  const { readAll, only, keepsNewer = false, keepsAdded = false, times, signal } = request
  const mount = readAll ? undefined : await identifyMount(target)
  using newest = openKnowledge(known, mount)
  using own = openKnowledge(wanted, mount)

  return await compareLive({
    wanted: source.here,
    live: target.here,
    own,
    newest,
    historyChanged: known?.historyChanged ?? new Map<BytePath, bigint>(),
    times,
    except: new Set(except.map(bytePath)),
    excludes: compileExcludes(exclude, unreadable),
    only,
    keepsNewer,
    keepsAdded,
    signal,
  })
}

/** All names of a file are made together where one of them is not right. */
async function listMade(
  { source, signal }: RestoreRequest,
  { create, links, newDirectories }: Difference,
  differing: ReadonlyMap<BytePath, RestoreAction>,
): Promise<Pick<RestorePlan, 'make' | 'groups' | 'makesLinks'>> {
  const firsts = new Set(links.map(({ first }) => first))
  const missing = new Set([...eachPath(create.bytes())].filter((path) => firsts.has(path)))
  const groups: BytePath[][] = []
  for (const [first, others] of Map.groupBy(links, (link) => link.first)) {
    const isWrong =
      missing.has(first) || differing.has(first) || others.some(({ there }) => there !== 'first')
    if (isWrong) groups.push([first, ...others.map(({ path }) => path)])
  }

  const grouped = new Set(groups.flat())
  const make: EntryLists = { ...noEntries(), directories: newDirectories }
  for (const path of grouped) make.linked.add(path)
  for (const paths of [eachPath(create.bytes()), differing.keys()]) {
    for (const path of paths) if (!grouped.has(path)) make.files.add(path)
  }

  let makesLinks = false
  using reader = new TreeReader(source.here)
  for (const paths of [eachPath(make.files.bytes()), groups.flatMap(([first]) => first ?? [])]) {
    for await (const path of yielding(paths, signal)) {
      const stat = reader.lstat(path)
      if (stat?.isFile() === true) make.bytes += Number(stat.size)
      makesLinks ||= stat?.isSymbolicLink() === true
    }
  }

  return { make, groups, makesLinks }
}

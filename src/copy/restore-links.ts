import { linkSync, renameSync, rmSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { OperationError, errorCode, throwIfInterrupted } from '../errors.ts'
import { type BytePath, displayPath, systemPath } from '../system/byte-path.ts'
import type { Difference } from './compare-live.ts'
import { PathList, eachPath } from './scan/path-list.ts'
import { TreeReader } from './tree-reader.ts'
import { type Workshop, openWorkshop } from './workshop.ts'

const linksPerTurn = 1000

/** What link(2) says of two names that cannot be of one file. */
const cannotLink = ['EMLINK', 'EXDEV', 'EPERM']

/** A name that is to be one of the file which `first` is a name of. */
export interface WantedLink {
  path: BytePath
  first: BytePath
  /** Whether the live data have the name, of whatever file. */
  isThere: boolean
}

/** Both trees of a comparison. */
interface Readers {
  wanted: TreeReader
  live: TreeReader
}

/**
 * Of each link group of the wanted tree one name is restored like any other file: one that is proven, else one that is there.
 * The others are taken out of the lists, to become links to it.
 */
export function leaveNamesToLinks(
  difference: Difference,
  groups: readonly BytePath[][],
  { wanted, live }: Readers,
): Difference {
  if (groups.length === 0) return difference
  const members = new Set(groups.flat())
  const created = membersIn(difference.create, members)
  const suspected = membersIn(difference.suspects, members)
  const isThere = (path: BytePath): boolean => !created.has(path)
  const isProven = (path: BytePath): boolean => isThere(path) && !suspected.has(path)
  const links: WantedLink[] = []
  const sharedWithin = new Set<BytePath>()
  let linkedBytes = 0
  for (const group of groups) {
    const first = group.find(isProven) ?? group.find(isThere) ?? group[0]
    if (first === undefined) continue
    for (const path of group.filter((other) => other !== first)) {
      links.push({ path, first, isThere: isThere(path) })
      if (created.has(path)) linkedBytes += sizeOf(wanted, path)
    }
    if (hasNoOtherNames(live, first, group.filter(isThere))) sharedWithin.add(first)
  }
  const linked = new Set(links.map(({ path }) => path))
  return {
    ...difference,
    create: without(difference.create, linked),
    suspects: without(difference.suspects, linked),
    unlink: difference.unlink.filter((path) => !linked.has(path) && !sharedWithin.has(path)),
    createdBytes: difference.createdBytes - linkedBytes,
    links,
  }
}

function membersIn(list: PathList, members: ReadonlySet<BytePath>): Set<BytePath> {
  return new Set([...eachPath(list.bytes())].filter((path) => members.has(path)))
}

function without(list: PathList, left: ReadonlySet<BytePath>): PathList {
  const kept = new PathList()
  for (const path of eachPath(list.bytes())) if (!left.has(path)) kept.add(path)
  return kept
}

function sizeOf(tree: TreeReader, path: BytePath): number {
  const stat = tree.lstat(path)
  return stat?.isFile() === true ? Number(stat.size) : 0
}

function hasNoOtherNames(live: TreeReader, path: BytePath, group: readonly BytePath[]): boolean {
  const stat = live.lstat(path)
  if (stat === undefined) return false
  return BigInt(group.filter((other) => live.lstat(other)?.ino === stat.ino).length) === stat.nlink
}

/** Of the names that are there, those of another file than the first one. */
export function findApart(target: string, links: readonly WantedLink[]): WantedLink[] {
  const tree = new TreeReader(target)
  const apart = links.filter(
    ({ path, first, isThere }) => isThere && tree.lstat(path)?.ino !== tree.lstat(first)?.ino,
  )
  tree.close()
  return apart
}

/**
 * Makes the links that are missing, once the first names are as they should be; a crash leaves the old file or the new one.
 * Returns those that were made. Throws OperationError where the filesystem refuses one.
 */
export async function makeLinks(
  target: string,
  links: readonly WantedLink[],
  signal: AbortSignal | undefined,
): Promise<WantedLink[]> {
  const made: WantedLink[] = []
  const firsts = new TreeReader(target)
  const others = new TreeReader(target)
  let workshop: Workshop | undefined
  try {
    for (const [index, link] of links.entries()) {
      if (index % linksPerTurn === 0) await nextTurn()
      throwIfInterrupted(signal)
      const inode = firsts.lstat(link.first)?.ino
      if (inode !== undefined && others.lstat(link.path)?.ino === inode) continue
      workshop ??= openWorkshop(target)
      makeLink(workshop, link, firsts, others)
      made.push(link)
    }
  } finally {
    firsts.close()
    others.close()
    workshop?.remove()
  }
  return made
}

function makeLink(
  { entry }: Workshop,
  { path, first }: WantedLink,
  firsts: TreeReader,
  others: TreeReader,
): void {
  try {
    // left over where the name before got the same file meanwhile
    rmSync(entry, { force: true })
    const isDone = firsts.at(first, (existing) => {
      linkSync(systemPath(existing), entry)
      return others.at(path, (name) => {
        renameSync(entry, systemPath(name))
        return true
      })
    })
    if (isDone === true) return
  } catch (error) {
    if (!cannotLink.includes(errorCode(error) ?? '')) throw error
    throw new OperationError(
      `the filesystem refuses to make ${displayPath(path)} and ${displayPath(first)} one file again (${errorCode(error)}): remove other names of that file, or have both on one filesystem`,
      { cause: error },
    )
  }
  throw new OperationError(
    `${displayPath(first)} or the directory of ${displayPath(path)} went while they were restored: nobody may write there; restore again`,
  )
}

import { linkSync, renameSync, rmSync } from 'node:fs'
import { OperationError, errorCode } from '../errors.ts'
import { type BytePath, displayPath, systemPath } from '../system/byte-path.ts'
import { inTurns } from './in-turns.ts'
import type { LinkedName } from './linked-names.ts'
import { TreeReader } from './tree-reader.ts'
import { type Workshop, openWorkshop } from './workshop.ts'

/** A name that is to be one of the file which `first` is a name of. */
export interface WantedLink {
  path: BytePath
  first: BytePath
  /** What the live data have there: nothing, another file, or that of `first` already. */
  there: 'nothing' | 'another' | 'first'
}

/**
 * Of each link group of a wanted tree one name is restored like any other file: one that is proven, which costs no reading, else one
 * that is there. The others become links to it.
 */
export function planLinks(
  groups: readonly LinkedName[][],
  isSuspect: (path: BytePath) => boolean,
): WantedLink[] {
  const links: WantedLink[] = []
  for (const names of groups) {
    const first =
      names.find((name) => isThere(name) && !isSuspect(name.path)) ??
      names.find(isThere) ??
      names[0]
    for (const name of names) {
      if (first === undefined || name === first) continue
      const there = !isThere(name) ? 'nothing' : name.live === first.live ? 'first' : 'another'
      links.push({ path: name.path, first: first.path, there })
    }
  }
  return links
}

function isThere({ live }: LinkedName): boolean {
  return live !== undefined
}

/** By first name the other names that have its file already, and change with it. */
export function linksAlong(links: readonly WantedLink[]): Map<BytePath, WantedLink[]> {
  return Map.groupBy(
    links.filter(({ there }) => there === 'first'),
    ({ first }) => first,
  )
}

/**
 * Makes the links that are missing, once the first names are as they should be; a crash leaves the old file or the new one.
 * Returns the names that were linked, and the first names whose files can have no more.
 * Throws OperationError where the filesystem refuses a link otherwise.
 */
export async function makeLinks(
  target: string,
  links: readonly WantedLink[],
  signal: AbortSignal | undefined,
): Promise<{ made: WantedLink[]; full: Set<BytePath> }> {
  const made: WantedLink[] = []
  const full = new Set<BytePath>()
  using firsts = new TreeReader(target)
  using others = new TreeReader(target)
  let workshop: Workshop | undefined
  try {
    for await (const link of inTurns(links, signal)) {
      if (full.has(link.first)) continue
      const inode = firsts.lstat(link.first)?.ino
      if (inode !== undefined && others.lstat(link.path)?.ino === inode) continue
      workshop ??= openWorkshop(target)
      if (makeLink(workshop, link, firsts, others)) made.push(link)
      else full.add(link.first)
    }
  } finally {
    workshop?.remove()
  }
  return { made, full }
}

/** False when the file of the first name can have no more names. */
function makeLink(
  { entry }: Workshop,
  { path, first }: WantedLink,
  firsts: TreeReader,
  others: TreeReader,
): boolean {
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
    if (isDone === true) return true
  } catch (error) {
    const code = errorCode(error) ?? ''
    if (code === 'EMLINK') return false
    const why = refusals[code]
    if (why === undefined) throw error
    throw new OperationError(
      `${displayPath(path)} cannot become one file with ${displayPath(first)} again: ${why}`,
      { cause: error },
    )
  }
  throw new OperationError(
    `${displayPath(first)} or the directory of ${displayPath(path)} went while they were restored: nobody may write there; restore again`,
  )
}

const kept =
  'a directory is in its place, in which something is mounted or kept; unmount it and restore again'

/** What link(2) and rename(2) say of names that cannot be of one file. */
const refusals: Readonly<Record<string, string>> = {
  EXDEV:
    'they are on two filesystems, or in two projects of one; have both on one and restore again',
  EPERM:
    'the filesystem has no hard links, or the file is immutable (chattr -i); restore again then',
  EISDIR: kept,
  EBUSY: kept,
}

import { type BigIntStats, closeSync, lstatSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { throwIfInterrupted } from '../errors.ts'
import {
  type BytePath,
  joinPath,
  lstatIfThere,
  openIfDirectory,
  readNames,
  throughDescriptor,
} from '../system/byte-path.ts'

const entriesPerTurn = 2000

/** Two or more names in one tree for one file, relative to the tree. */
export interface LinkGroup {
  paths: BytePath[]
  isFile: boolean
  size: number
  /** The link count of the file: more than the paths when it has names outside the tree. */
  links: number
}

/** What is in a tree. */
export interface Survey {
  files: number
  directories: number
  symlinks: number
  specials: number
  /** Apparent size; a file with several names counts once. */
  bytes: number
  /** Files all of whose names are in this tree: for a fresh snapshot, what it does not share with others. */
  ownFiles: number
  ownBytes: number
  /** Everything but directories whose link count is not 1. */
  linked: LinkGroup[]
}

/**
 * Counts what is below `root` (a path through an open directory) and finds its link groups. It stays on
 * the filesystem of `root`, passes over the paths in `except`, follows no link, and reads names as bytes. What vanishes meanwhile is not counted.
 */
export async function surveyTree(
  root: string,
  signal?: AbortSignal,
  except: ReadonlySet<BytePath> = new Set(),
): Promise<Survey> {
  const survey: Survey = {
    files: 0,
    directories: 1,
    symlinks: 0,
    specials: 0,
    bytes: 0,
    ownFiles: 0,
    ownBytes: 0,
    linked: [],
  }
  const groups = new Map<bigint, LinkGroup>()
  const device = lstatSync(`${root}/.`, { bigint: true }).dev
  let untilTurn = entriesPerTurn

  async function visit(directory: BytePath, prefix: BytePath): Promise<void> {
    for (const name of readNames(directory)) {
      untilTurn -= 1
      if (untilTurn === 0) {
        untilTurn = entriesPerTurn
        await nextTurn()
        throwIfInterrupted(signal)
      }
      const stat = lstatIfThere(`${directory}/${name}`)
      if (stat === undefined) continue
      const path = joinPath(prefix, name)
      if (except.has(path)) continue
      count(survey, groups, stat, path)
      if (stat.isDirectory() && stat.dev === device) await descend(`${directory}/${name}`, path)
    }
  }

  async function descend(directory: BytePath, path: BytePath): Promise<void> {
    const descriptor = openIfDirectory(directory)
    if (descriptor === undefined) return
    try {
      await visit(throughDescriptor(descriptor), path)
    } finally {
      closeSync(descriptor)
    }
  }

  await visit(root, '')
  survey.linked = [...groups.values()]
  for (const { paths, links, isFile, size } of survey.linked) {
    if (isFile && links === paths.length) countOwn(survey, paths.length, size)
  }
  return survey
}

function count(
  survey: Survey,
  groups: Map<bigint, LinkGroup>,
  stat: BigIntStats,
  path: BytePath,
): void {
  if (stat.isDirectory()) {
    survey.directories += 1
    return
  }
  if (stat.isFile()) survey.files += 1
  else if (stat.isSymbolicLink()) survey.symlinks += 1
  else survey.specials += 1
  const group = stat.nlink === 1n ? undefined : groups.get(stat.ino)
  if (group !== undefined) {
    group.paths.push(path)
    return
  }
  const size = Number(stat.size)
  if (stat.isFile()) survey.bytes += size
  if (stat.nlink !== 1n) {
    groups.set(stat.ino, {
      paths: [path],
      links: Number(stat.nlink),
      isFile: stat.isFile(),
      size,
    })
  } else if (stat.isFile()) countOwn(survey, 1, size)
}

function countOwn(survey: Survey, files: number, bytes: number): void {
  survey.ownFiles += files
  survey.ownBytes += bytes
}

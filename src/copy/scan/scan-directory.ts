import { type BigIntStats, closeSync, linkSync, mkdirSync } from 'node:fs'
import { OperationError, errorCode } from '../../errors.ts'
import {
  type BytePath,
  joinPath,
  lstatIfThere,
  openBelow,
  readNames,
  systemPath,
  throughDescriptor,
} from '../../system/byte-path.ts'
import { removeEntries, removeEntry } from '../remove-entry.ts'
import type { ScanReportBuilder } from './scan-report.ts'
import type { DirectoryIndex, SourceIndex } from './source-index.ts'

/** The root of a tree: an open directory, and the path it was opened by. */
export interface ScanRoot {
  descriptor: number
  path: BytePath
}

/**
 * Nothing; the tree of an older snapshot, in which only what is the base's file can stay; or what the first
 * pass of this run made, in which what is unchanged since can stay.
 */
export type StagedEntries = 'nothing' | 'spare' | 'first-pass'

/** What a whole scan shares: the roots of three parallel trees, and how to look at them. */
export interface ScanTask {
  source: ScanRoot
  /** The volume in the snapshot whose files are linked; undefined to link nothing. */
  base: ScanRoot | undefined
  /** The tree that becomes the snapshot. */
  staging: ScanRoot
  /** What the scan before saw when `base` was made. */
  index: SourceIndex | undefined
  /** Of a spare of the same chain: what its directories were when it was published. */
  seal: SourceIndex | undefined
  /** The number of the generation that this scan makes. */
  generation: number
  /** What staging holds already: those entries that are right stay, all others go. */
  staged: StagedEntries
  /** The filesystem of the source; others mounted inside it are not entered. */
  device: bigint
  /** A ctime from here on could be had again by a later change. */
  youngNs: bigint
}

/** Where one directory is in the three trees. */
interface Place {
  path: BytePath
  /** Through an open descriptor. */
  source: BytePath
  /**
   * A quicker path to look at its entries by, which others may lead elsewhere: what is seen there is either
   * proven by inode and ctime, or looked at again by who copies it.
   */
  sourceEntries: BytePath
  /** Through an open descriptor. */
  base: BytePath | undefined
  /** Through an open descriptor, unless nobody else can reach it. */
  staging: BytePath
}

/** Longer paths cost more than the way through a descriptor, and very long ones are refused. */
const longestDirectPath = 400

/**
 * Makes the directory `path` in staging what it provably is, by hard links to the base, and reports what has
 * to be copied. Subdirectories go to `next`.
 */
export function scanDirectory(
  task: ScanTask,
  path: BytePath,
  report: ScanReportBuilder,
  next: (path: BytePath) => void,
): void {
  const opened: number[] = []
  const open = (root: ScanRoot): BytePath | undefined => {
    const descriptor = openBelow(throughDescriptor(root.descriptor), path)
    if (descriptor === undefined) return undefined
    opened.push(descriptor)
    return throughDescriptor(descriptor)
  }
  try {
    const source = open(task.source)
    // what is new in staging was never where others could reach it
    const direct = task.staged === 'spare' ? undefined : directPath(task.staging, path)
    const staging = direct ?? open(task.staging)
    if (staging === undefined) {
      throw new OperationError(
        'somebody else changed the snapshot while it was taken: take it again',
      )
    }
    if (source === undefined) {
      if (task.staged !== 'nothing') removeEntries(staging)
      report.addDirectory(path)
      return
    }
    const base = task.base === undefined ? undefined : open(task.base)
    const sourceEntries = directPath(task.source, path) ?? source
    const isRight = scanEntries(task, { path, source, sourceEntries, base, staging }, report, next)
    if (!isRight) report.addDirectory(path)
  } finally {
    for (const descriptor of opened) closeSync(descriptor)
  }
}

function directPath(root: ScanRoot, path: BytePath): BytePath | undefined {
  const direct = path === '' ? root.path : `${root.path}/${path}`
  return direct.length <= longestDirectPath ? direct : undefined
}

/** True when the directory in staging has the right attributes already, and nothing in it will move them. */
function scanEntries(
  task: ScanTask,
  place: Place,
  report: ScanReportBuilder,
  next: (path: BytePath) => void,
): boolean {
  const isFilled = task.staged !== 'nothing'
  const known = task.index?.directory(place.path)
  const leftOver = isFilled ? new Set(readNames(place.staging)) : undefined
  const sealed = generationOfSealed(task, place)
  report.index.beginDirectory(place.path)
  let isRight = isDirectoryRight(task, place, known, sealed, report)
  for (const name of readNames(place.source)) {
    const stat = lstatIfThere(`${place.sourceEntries}/${name}`)
    if (stat === undefined) continue
    const wasStaged = leftOver?.delete(name) === true
    if (stat.isDirectory()) {
      if (!makeSubdirectory(task, place, name, stat, report, next)) isRight = false
      continue
    }
    report.count(stat)
    const since = known?.unchangedSince(name, stat.ino, stat.ctimeNs)
    const isLinked = stat.nlink > 1n
    // a group of names may have been copied anew as a whole since
    const isSealed = since !== undefined && since <= sealed && wasStaged && !isLinked
    const isInPlace = isSealed || (since !== undefined && isStaged(task, place, name, report))
    // whatever is written into the directory moves its times
    if (!isInPlace) isRight = false
    if (since !== undefined && (isInPlace || linkFromBase(task, place, name, report))) {
      report.index.add(name, stat.ino, stat.ctimeNs, since)
      if (isLinked) report.keptLinks.add(joinPath(place.path, name), stat)
      continue
    }
    report.index.add(name, stat.ino, stat.ctimeNs, task.generation)
    if (isFilled) removeEntry(`${place.staging}/${name}`)
    // all names of a file in one list, or rsync would not see that they are one file
    const list = isLinked || isSuspect(place, name, stat) ? report.suspects : report.changed
    list.add(joinPath(place.path, name), stat)
  }
  for (const name of leftOver ?? []) removeEntry(`${place.staging}/${name}`)
  return isRight && (leftOver?.size ?? 0) === 0
}

const neverSealed = 0

/**
 * The generation whose entries a directory of the spare holds for sure, because nobody touched it since it was
 * published; 0 when nothing is known of it.
 */
function generationOfSealed({ seal }: ScanTask, { path, staging }: Place): number {
  const staged = seal === undefined ? undefined : lstatIfThere(`${staging}/.`)
  if (seal === undefined || staged === undefined) return neverSealed
  const isUntouched = seal.directory(path).matches('.', staged.ino, staged.ctimeNs)
  return isUntouched ? seal.generation.number : neverSealed
}

/** Writes the directory itself into the index; true when the one in staging has its attributes already. */
function isDirectoryRight(
  { staged, generation }: ScanTask,
  { source }: Place,
  known: DirectoryIndex | undefined,
  sealed: number,
  report: ScanReportBuilder,
): boolean {
  const self = lstatIfThere(`${source}/.`)
  if (self === undefined) return false
  const since = known?.unchangedSince('.', self.ino, self.ctimeNs)
  report.index.add('.', self.ino, self.ctimeNs, since ?? generation)
  return since !== undefined && (staged === 'first-pass' || since <= sealed)
}

/** True when it was there. */
function makeSubdirectory(
  task: ScanTask,
  place: Place,
  name: BytePath,
  stat: BigIntStats,
  report: ScanReportBuilder,
  next: (path: BytePath) => void,
): boolean {
  const staged = `${place.staging}/${name}`
  const path = joinPath(place.path, name)
  report.countDirectory()
  const wasThere = makeDirectory(staged)
  if (stat.dev === task.device) next(path)
  else {
    report.mountPoints.add(path)
    if (task.staged !== 'nothing') removeEntries(staged)
  }
  return wasThere
}

/** True when staging has the right entry already. */
function isStaged(
  { staged }: ScanTask,
  place: Place,
  name: BytePath,
  report: ScanReportBuilder,
): boolean {
  if (staged === 'nothing') return false
  const there = lstatIfThere(`${place.staging}/${name}`)
  if (there === undefined || there.isDirectory()) return false
  if (staged === 'spare') {
    return place.base !== undefined && there.ino === lstatIfThere(`${place.base}/${name}`)?.ino
  }
  if (there.isFile() && there.nlink === 1n) report.countKept(there)
  return true
}

/** Puts the base's entry into staging; false when it has to be copied. */
function linkFromBase(
  task: ScanTask,
  place: Place,
  name: BytePath,
  report: ScanReportBuilder,
): boolean {
  // what the first pass should have staged is not what the base has
  if (place.base === undefined || task.staged === 'first-pass') return false
  const from = `${place.base}/${name}`
  const to = `${place.staging}/${name}`
  if (task.staged === 'spare') removeEntry(to)
  try {
    linkSync(systemPath(from), systemPath(to))
    return true
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EMLINK') report.tooManyLinks += 1
    else if (code === 'ENOENT') report.missingInBase += 1
    else throw error
    return false
  }
}

/** Equal to the base by all that lstat shows, but not proven: its content decides. */
function isSuspect(place: Place, name: BytePath, stat: BigIntStats): boolean {
  if (place.base === undefined) return false
  const base = lstatIfThere(`${place.base}/${name}`)
  return (
    base !== undefined &&
    base.mode === stat.mode &&
    base.size === stat.size &&
    base.mtimeNs === stat.mtimeNs &&
    base.uid === stat.uid &&
    base.gid === stat.gid
  )
}

/** In a tree that is filled already there may be the directory, or something else in its place. True when it was there. */
function makeDirectory(path: BytePath): boolean {
  try {
    mkdirSync(systemPath(path), 0o700)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    if (lstatIfThere(path)?.isDirectory() === true) return true
    removeEntry(path)
    mkdirSync(systemPath(path), 0o700)
  }
  return false
}

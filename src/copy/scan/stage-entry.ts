import { type BigIntStats, linkSync, mkdirSync, unlinkSync } from 'node:fs'
import { errorCode } from '../../errors.ts'
import {
  type BytePath,
  isGone,
  joinPath,
  lstatIfReachable,
  lstatIfThere,
  systemPath,
  throughDescriptor,
} from '../../tree/byte-path.ts'
import { looksSame } from '../index/proof.ts'
import { removeEntry } from '../../tree/remove-entry.ts'
import type { ScanReportBuilder } from './report.ts'
import type { DirectoryInTrees, ScanTask } from './scan-task.ts'
import { type FoundEntry, asWritten, proves } from '../index/source-index.ts'

/** What may stand for an entry in a snapshot without a copy of it. */
type Provenance =
  | { kind: 'unchanged' }
  /** Unchanged, and under another path when the base was made: a directory above it was renamed. */
  | { kind: 'moved'; from: FoundEntry }
  /** As one that was renamed itself, it has a new ctime: its content decides. */
  | { kind: 'renamed'; from: FoundEntry }
  | { kind: 'changed' }

/**
 * Stages an entry that is not a directory: what provably did not change by what is there, or by a
 * link to the base; all else is listed, so that it is copied. True when it was there.
 */
export function stageEntry(
  task: ScanTask,
  place: DirectoryInTrees,
  name: BytePath,
  stat: BigIntStats,
  wasStaged: boolean,
  report: ScanReportBuilder,
): boolean {
  const path = joinPath(place.path, name)
  const provenance = findProvenance(task, place, name, stat)
  const isProven = task.isProof && (provenance.kind === 'unchanged' || provenance.kind === 'moved')
  const isKept = isProven && wasStaged && provenance.kind === 'unchanged'
  const isThere = isKept && attributesMatch(task, place, name, stat, report)
  if (wasStaged && !isThere) removeEntry(`${place.staging}/${name}`)

  const isLinked =
    isThere || (isProven && linkUnchanged(task, place, name, stat, provenance, report))

  // of a file of another filesystem that is mounted here, the inode tells nothing
  if (stat.dev === task.device) report.index.add(name, stat, !isLinked)
  if (!isLinked) listForCopy(task, place, name, stat, provenance, report)
  else if (stat.nlink > 1n) report.add('keptLinks', path, stat)
  return isThere
}

function findProvenance(
  { index, base, device, source }: ScanTask,
  { path, known }: DirectoryInTrees,
  name: BytePath,
  stat: BigIntStats,
): Provenance {
  if (stat.dev !== device) return { kind: 'changed' }
  if (proves(known?.entry(name), stat)) return { kind: 'unchanged' }
  // what a first pass staged is known by its path only
  const from = base === undefined ? undefined : index?.find(stat.ino)
  if (from === undefined) return { kind: 'changed' }

  const isElsewhere = from.directory !== path || from.name !== name
  // a file of one name is at two paths where a bind mount leads to it
  const before = `${throughDescriptor(source.descriptor)}/${joinPath(from.directory, from.name)}`
  if (isElsewhere && stat.nlink === 1n && lstatIfReachable(before)?.ino === stat.ino) {
    return { kind: 'changed' }
  }
  if (proves(from, stat)) return { kind: 'moved', from }

  return isElsewhere &&
    from.size === stat.size &&
    from.mtimeNs === asWritten(stat.mtimeNs) &&
    stat.isFile()
    ? { kind: 'renamed', from }
    : { kind: 'changed' }
}

/** Whether what is staged looks like the source. */
function attributesMatch(
  task: ScanTask,
  place: DirectoryInTrees,
  name: BytePath,
  stat: BigIntStats,
  report: ScanReportBuilder,
): boolean {
  const staged = lstatIfThere(`${place.staging}/${name}`)
  if (staged === undefined) return false
  if (!looksSame(stat, staged, task.times)) {
    // a link to the base, in which somebody wrote
    if (task.base !== undefined) report.add('historyChanged', joinPath(place.path, name), staged)
    return false
  }

  if (staged.isFile() && staged.nlink === 1n) report.countKept(staged)
  return true
}

/**
 * Links the base's entry into staging, and looks whether it is what the source is; false when it
 * has to be copied.
 */
function linkUnchanged(
  { trees, times }: ScanTask,
  place: DirectoryInTrees,
  name: BytePath,
  stat: BigIntStats,
  provenance: Provenance,
  report: ScanReportBuilder,
): boolean {
  const isMoved = provenance.kind === 'moved'
  const directory = isMoved ? trees.origins?.enter(provenance.from.directory) : place.base
  const from = `${directory}/${isMoved ? provenance.from.name : name}`
  const to = `${place.staging}/${name}`
  const path = joinPath(place.path, name)
  if (directory === undefined) return false

  try {
    linkSync(systemPath(from), systemPath(to))
  } catch (error) {
    const code = errorCode(error) ?? ''
    if (code === 'EMLINK') report.counts.tooManyLinks += 1
    // link(2) says of a directory what it says where there are no links at all
    else if (isGone(error) || isDirectory(from)) report.add('historyChanged', path)
    else if (refusals.includes(code)) report.counts.notLinked += 1
    else throw error
    return false
  }

  const staged = lstatIfThere(to)
  if (staged !== undefined && looksSame(stat, staged, times)) {
    if (isMoved) report.add('moved', path)
    return true
  }

  unlinkSync(systemPath(to))
  report.add('historyChanged', path, staged)
  return false
}

/** Immutable (chattr +i), of another filesystem or project, or closed to root as FUSE can be. */
const refusals = ['EPERM', 'EACCES', 'EXDEV']

function isDirectory(path: BytePath): boolean {
  return lstatIfReachable(path)?.isDirectory() === true
}

function listForCopy(
  task: ScanTask,
  place: DirectoryInTrees,
  name: BytePath,
  stat: BigIntStats,
  provenance: Provenance,
  report: ScanReportBuilder,
): void {
  const path = joinPath(place.path, name)
  const base = place.base === undefined ? undefined : lstatIfReachable(`${place.base}/${name}`)
  const isAlike = base !== undefined && looksSame(stat, base, task.times)
  if (provenance.kind === 'unchanged' && !task.isProof && base !== undefined && !isAlike) {
    report.add('historyChanged', path, base)
  }

  const isRenamed = provenance.kind === 'renamed'
  if (isRenamed) report.addRenamed(path, provenance.from)
  // all names of a file in one list, or rsync would not see that they are one file
  const list = isAlike || isRenamed || stat.nlink > 1n ? 'toVerify' : 'toCopy'
  report.add(list, path, stat)
}

/**
 * In a tree that is filled already there may be the directory, or something else in its place. True
 * when it was there.
 */
export function makeDirectory(path: BytePath): boolean {
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

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
import type { SourceIndex } from './source-index.ts'

/** What a whole scan shares. Descriptors are of open directories, the roots of three parallel trees. */
export interface ScanTask {
  source: number
  /** The volume in the snapshot whose files are linked; undefined to link nothing. */
  base: number | undefined
  /** The tree that becomes the snapshot. */
  staging: number
  /** What the scan before saw when `base` was made. */
  index: SourceIndex | undefined
  /** True when staging may hold entries already: those that are right stay, all others go. */
  refill: boolean
  /** The filesystem of the source; others mounted inside it are not entered. */
  device: bigint
  /** A ctime from here on could be had again by a later change. */
  youngNs: bigint
}

/** Where one directory is in the three trees; all but `path` are through open descriptors. */
interface Place {
  path: BytePath
  source: BytePath
  base: BytePath | undefined
  staging: BytePath
}

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
  const open = (root: number): BytePath | undefined => {
    const descriptor = openBelow(throughDescriptor(root), path)
    if (descriptor === undefined) return undefined
    opened.push(descriptor)
    return throughDescriptor(descriptor)
  }
  try {
    const source = open(task.source)
    const staging = open(task.staging)
    if (staging === undefined) {
      throw new OperationError(
        'somebody else changed the snapshot while it was taken: take it again',
      )
    }
    if (source === undefined) {
      if (task.refill) removeEntries(staging)
      return
    }
    const base = task.base === undefined ? undefined : open(task.base)
    scanEntries(task, { path, source, base, staging }, report, next)
  } finally {
    for (const descriptor of opened) closeSync(descriptor)
  }
}

function scanEntries(
  task: ScanTask,
  place: Place,
  report: ScanReportBuilder,
  next: (path: BytePath) => void,
): void {
  const known = place.base === undefined ? undefined : task.index?.directory(place.path)
  const leftOver = task.refill ? new Set(readNames(place.staging)) : undefined
  report.index.beginDirectory(place.path)
  for (const name of readNames(place.source)) {
    const stat = lstatIfThere(`${place.source}/${name}`)
    if (stat === undefined) continue
    leftOver?.delete(name)
    if (stat.isDirectory()) {
      scanSubdirectory(task, place, name, stat, report, next)
      continue
    }
    report.index.add(name, stat.ino, stat.ctimeNs)
    report.count(stat)
    const isProven = known?.matches(name, stat.ino, stat.ctimeNs) === true
    const isLinked = stat.nlink > 1n
    const path = joinPath(place.path, name)
    if (isProven && linkFromBase(task, place, name, report)) {
      if (isLinked) report.keptLinks.add(path, stat)
      continue
    }
    if (task.refill) removeEntry(`${place.staging}/${name}`)
    // all names of a file in one list, or rsync would not see that they are one file
    const list = isLinked || isSuspect(place, name, stat) ? report.suspects : report.changed
    list.add(path, stat)
  }
  for (const name of leftOver ?? []) removeEntry(`${place.staging}/${name}`)
}

function scanSubdirectory(
  task: ScanTask,
  place: Place,
  name: BytePath,
  stat: BigIntStats,
  report: ScanReportBuilder,
  next: (path: BytePath) => void,
): void {
  const staged = `${place.staging}/${name}`
  const path = joinPath(place.path, name)
  report.addDirectory(path)
  makeDirectory(staged)
  if (stat.dev === task.device) next(path)
  else if (task.refill) removeEntries(staged)
}

/** True when the entry of staging is now the base's; false when it has to be copied. */
function linkFromBase(
  task: ScanTask,
  place: Place,
  name: BytePath,
  report: ScanReportBuilder,
): boolean {
  if (place.base === undefined) return false
  const from = `${place.base}/${name}`
  const to = `${place.staging}/${name}`
  if (task.refill) {
    const there = lstatIfThere(to)
    if (there !== undefined && there.ino === lstatIfThere(from)?.ino) return true
    if (there !== undefined) removeEntry(to)
  }
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

/** In a tree that is filled already there may be the directory, or something else in its place. */
function makeDirectory(path: BytePath): void {
  try {
    mkdirSync(systemPath(path), 0o700)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    if (lstatIfThere(path)?.isDirectory() === true) return
    removeEntry(path)
    mkdirSync(systemPath(path), 0o700)
  }
}

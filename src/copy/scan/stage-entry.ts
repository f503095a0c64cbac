import { type BigIntStats, closeSync, linkSync, mkdirSync } from 'node:fs'
import { errorCode, isNotFound } from '../../errors.ts'
import {
  type BytePath,
  joinPath,
  lstatIfThere,
  openIfDirectory,
  systemPath,
  throughDescriptor,
} from '../../system/byte-path.ts'
import { removeEntry } from '../remove-entry.ts'
import type { ScanReportBuilder } from './scan-report.ts'
import type { Place, ScanRoot, ScanTask } from './scan-task.ts'

/** True when the first pass staged an entry that can stay. */
export function isStaged(place: Place, name: BytePath, report: ScanReportBuilder): boolean {
  const there = lstatIfThere(`${place.staging}/${name}`)
  if (there === undefined || there.isDirectory()) return false
  if (there.isFile() && there.nlink === 1n) report.countKept(there)
  return true
}

/** Puts the base's entry into staging; false when it has to be copied. */
export function linkFromBase(
  task: ScanTask,
  place: Place,
  name: BytePath,
  report: ScanReportBuilder,
): boolean {
  // what the first pass should have staged is not what the base has
  if (place.base === undefined || task.staged === 'first-pass') return false
  const from = `${place.base}/${name}`
  const to = `${place.staging}/${name}`
  try {
    linkSync(systemPath(from), systemPath(to))
    return true
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EMLINK') report.tooManyLinks += 1
    else if (code === 'ENOENT' || (code === 'EPERM' && isDirectory(from))) report.missingInBase += 1
    else throw error
    return false
  }
}

/** link(2) says of a directory what it says where there are no links at all. */
function isDirectory(path: BytePath): boolean {
  return lstatIfThere(path)?.isDirectory() === true
}

/** Lists what was not linked, so that it is copied. */
export function copyAnew(
  task: ScanTask,
  place: Place,
  name: BytePath,
  stat: BigIntStats,
  report: ScanReportBuilder,
): void {
  report.index.add(name, stat.ino, stat.ctimeNs, task.generation, stat.size)
  // all names of a file in one list, or rsync would not see that they are one file
  const list = stat.nlink > 1n || isSuspect(place, name, stat) ? report.suspects : report.changed
  list.add(joinPath(place.path, name), stat)
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

/** Makes a directory in staging, and those above it; another worker may be at the same ones. */
export function makeDirectories(
  staging: ScanRoot,
  path: BytePath,
  direct: BytePath | undefined,
): void {
  if (path === '' || (direct !== undefined && isMade(direct))) return
  let above = openIfDirectory(throughDescriptor(staging.descriptor) + '/.')
  for (const part of path.split('/')) {
    if (above === undefined) return
    const before = above
    try {
      const directory = `${throughDescriptor(before)}/${part}`
      makeDirectory(directory)
      above = openIfDirectory(directory)
    } finally {
      closeSync(before)
    }
  }
  if (above !== undefined) closeSync(above)
}

/** False where a directory above it is missing. */
function isMade(path: BytePath): boolean {
  try {
    makeDirectory(path)
    return true
  } catch (error) {
    if (isNotFound(error)) return false
    throw error
  }
}

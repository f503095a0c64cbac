import { type BigIntStats, linkSync, mkdirSync } from 'node:fs'
import { errorCode } from '../../errors.ts'
import { type BytePath, lstatIfThere, systemPath } from '../../system/byte-path.ts'
import { removeEntry } from '../remove-entry.ts'
import type { ScanReportBuilder } from './scan-report.ts'
import type { Place, ScanTask } from './scan-task.ts'

/** True when staging has the right entry already. */
export function isStaged(
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
export function isSuspect(place: Place, name: BytePath, stat: BigIntStats): boolean {
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

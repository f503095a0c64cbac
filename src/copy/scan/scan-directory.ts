import type { BigIntStats } from 'node:fs'
import { type BytePath, joinPath, lstatIfThere, readNames } from '../../system/byte-path.ts'
import { removeEntries, removeEntry } from '../remove-entry.ts'
import { OpenPlace } from './open-place.ts'
import { lstatSource, readSource } from './read-source.ts'
import type { ScanReportBuilder } from './scan-report.ts'
import type { Look, Place, ScanTask } from './scan-task.ts'
import { copyAnew, isStaged, linkFromBase, makeDirectory } from './stage-entry.ts'
import { countUntouched, linkKnown, untouchedGeneration } from './untouched.ts'

/**
 * Makes the directory `path` in staging what it provably is, by hard links to the base, and reports what has
 * to be copied; or reports that it is untouched and can be moved from the spare. Subdirectories go to `next`.
 */
export function scanDirectory(
  task: ScanTask,
  path: BytePath,
  report: ScanReportBuilder,
  next: (path: BytePath) => void,
): void {
  using opened = new OpenPlace(task, path)
  const place = readSource(task, path, () => opened.source())
  if (place === undefined) {
    if (task.staged !== 'nothing') removeEntries(opened.staging())
    report.addDirectory(path)
    return
  }
  const look = readSource(task, path, (): Look => ({
    place,
    known: task.index?.directory(path),
    self: lstatIfThere(`${place.source}/.`),
    names: readNames(place.source),
  }))
  const untouchedSince = untouchedGeneration(task, opened, look)
  const untouched = countUntouched(task, look, untouchedSince, report, next)
  if (untouchedSince > 0 && untouched === look.names.length) {
    report.addUntouched(path, untouched)
    return
  }
  const isRight = stageDirectory(task, look, opened.everywhere(place), untouched, report, next)
  if (!isRight) report.addDirectory(path)
}

/**
 * Of the names the first `untouched` have been counted.
 * True when the directory in staging has the right attributes already, and nothing in it will move them.
 */
function stageDirectory(
  task: ScanTask,
  look: Look,
  place: Place,
  untouched: number,
  report: ScanReportBuilder,
  next: (path: BytePath) => void,
): boolean {
  const { known, names } = look
  const isFilled = task.staged !== 'nothing'
  const leftOver = isFilled ? new Set(readNames(place.staging)) : undefined
  report.index.beginDirectory(place.path)
  let isRight = isDirectoryRight(task, look, report)
  if (known !== undefined) {
    const first = names.slice(0, untouched)
    if (!linkKnown(task, place, known, first, report, leftOver)) isRight = false
  }
  for (let position = untouched; position < names.length; position += 1) {
    const name = names[position] ?? ''
    const stat = lstatSource(task, place, name)
    if (stat === undefined) {
      report.vanished.add(joinPath(place.path, name))
      continue
    }
    const wasStaged = leftOver?.delete(name) === true
    if (stat.isDirectory()) {
      if (!makeSubdirectory(task, place, name, stat, report, next)) isRight = false
      continue
    }
    report.count(stat)
    const since = known?.unchangedSince(name, stat.ino, stat.ctimeNs)
    const isInPlace =
      since !== undefined && wasStaged && (task.staged === 'base' || isStaged(place, name, report))
    // whatever is written into the directory moves its times
    if (!isInPlace) isRight = false
    if (since !== undefined && (isInPlace || linkFromBase(task, place, name, report))) {
      report.index.add(name, stat.ino, stat.ctimeNs, since)
      if (stat.nlink > 1n) report.keptLinks.add(joinPath(place.path, name), stat)
      continue
    }
    if (isFilled) removeEntry(`${place.staging}/${name}`)
    copyAnew(task, place, name, stat, report)
  }
  for (const name of leftOver ?? []) removeEntry(`${place.staging}/${name}`)
  return isRight && (leftOver?.size ?? 0) === 0
}

/** Writes the directory itself into the index; true when the one in staging has its attributes already. */
function isDirectoryRight(
  { staged, generation }: ScanTask,
  { known, self }: Look,
  report: ScanReportBuilder,
): boolean {
  if (self === undefined) return false
  const since = known?.unchangedSince('.', self.ino, self.ctimeNs)
  report.index.add('.', self.ino, self.ctimeNs, since ?? generation)
  return since !== undefined && staged !== 'nothing'
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
  const path = joinPath(place.path, name)
  report.countDirectory()
  const isEntered = stat.dev === task.device
  if (isEntered) next(path)
  else report.mountPoints.add(path)
  // with a spare, it may be untouched, and makes itself when it is not
  if (isEntered && task.spare !== undefined) return false
  const staged = `${place.staging}/${name}`
  const wasThere = makeDirectory(staged)
  if (!isEntered && task.staged !== 'nothing') removeEntries(staged)
  return wasThere
}

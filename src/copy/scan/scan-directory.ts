import { type BigIntStats, closeSync } from 'node:fs'
import { OperationError } from '../../errors.ts'
import {
  type BytePath,
  joinPath,
  lstatIfThere,
  openBelow,
  readNames,
  throughDescriptor,
} from '../../system/byte-path.ts'
import { removeEntries, removeEntry } from '../remove-entry.ts'
import { lstatSource, readSource } from './read-source.ts'
import type { ScanReportBuilder } from './scan-report.ts'
import type { Place, ScanRoot, ScanTask } from './scan-task.ts'
import type { DirectoryIndex } from './source-index.ts'
import { isStaged, isSuspect, linkFromBase, makeDirectory } from './stage-entry.ts'

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
    const source = readSource(task, path, () => open(task.source))
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
  for (const name of readSource(task, place.path, () => readNames(place.source))) {
    const stat = lstatSource(task, place, name)
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

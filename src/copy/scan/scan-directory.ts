import { type BigIntStats, chmodSync } from 'node:fs'
import {
  type BytePath,
  joinPath,
  lstatIfThere,
  parentOf,
  readKinds,
  readNames,
  systemPath,
} from '../../tree/byte-path.ts'
import { removeBelow, removeEntries, removeEntry } from '../../tree/remove-entry.ts'
import { looksSame } from '../index/proof.ts'
import { checkBase } from './check-base.ts'
import { openInTrees, openStaging } from './open-in-trees.ts'
import { UnreadableError, lstatSource, readSource } from './read-source.ts'
import type { ScanReportBuilder } from './report.ts'
import type { DirectoryInTrees, ScanTask } from './scan-task.ts'
import { proves } from '../index/source-index.ts'
import { makeDirectory, stageEntry } from './stage-entry.ts'

/**
 * Makes the directory `path` in staging what it provably is, by what is there and by hard links to
 * the base, and reports what has to be copied. Subdirectories go to `next`.
 */
export function scanDirectory(
  task: ScanTask,
  path: BytePath,
  report: ScanReportBuilder,
  next: (path: BytePath) => void,
): void {
  try {
    scanReadable(task, path, report, next)
  } catch (error) {
    if (path === '' || !isLeftOut(task, error)) throw error
    report.add('unreadable', path)
    removeBelow(task.trees.staging, path)
    // that moved the times of the one that it was in
    report.add('directories', parentOf(path))
  }
}

function isLeftOut({ leavesUnreadable }: ScanTask, error: unknown): boolean {
  return leavesUnreadable && error instanceof UnreadableError
}

/** Throws UnreadableError before it reports anything. */
function scanReadable(
  task: ScanTask,
  path: BytePath,
  report: ScanReportBuilder,
  next: (path: BytePath) => void,
): void {
  const place = openInTrees(task, path)
  if (place === undefined) {
    if (task.isFilled) removeEntries(openStaging(task, path))
    report.add('directories', path)
    return
  }

  const { self, names } = readSource(task, path, () => ({
    // before the names, so that a later change of them shows
    self: lstatIfThere(`${place.source}/.`),
    names: readNames(place.source),
  }))

  report.index.beginDirectory(path)
  if (self !== undefined) {
    report.index.add('.', self, false)
    checkBase(task, place, self, report)
  }

  const leftOver = new Set(task.isFilled ? readNames(place.staging) : [])
  let areRight = self !== undefined && directoryAttributesMatch(task, place, self)
  for (const name of names) {
    // what a base with other patterns has of it stays left over
    if (task.excludes.has(joinPath(path, name), false)) continue
    const wasStaged = leftOver.delete(name)
    if (!stageAny(task, place, name, wasStaged, report, next)) areRight = false
  }

  for (const name of leftOver) removeEntry(`${place.staging}/${name}`)
  if (!areRight || leftOver.size > 0) report.add('directories', path)
}

/** Whether the directory in staging has its attributes already. */
function directoryAttributesMatch(
  { isFilled, isProof, times }: ScanTask,
  { known, staging }: DirectoryInTrees,
  self: BigIntStats,
): boolean {
  if (!isFilled || !isProof || !proves(known?.entry('.'), self)) return false
  const staged = lstatIfThere(`${staging}/.`)
  return staged !== undefined && looksSame(self, staged, times)
}

/** True when it was there, or stays out: whatever is written into the directory moves its times. */
function stageAny(
  task: ScanTask,
  place: DirectoryInTrees,
  name: BytePath,
  wasStaged: boolean,
  report: ScanReportBuilder,
  next: (path: BytePath) => void,
): boolean {
  const path = joinPath(place.path, name)
  const staged = `${place.staging}/${name}`
  const stat = lookAt(task, place, name)
  if (stat === undefined) report.add('vanished', path)
  if (stat === 'unreadable') report.add('unreadable', path)
  if (stat === undefined || stat === 'unreadable' || stat === 'excluded') {
    if (wasStaged) removeEntry(staged)
    return stat !== undefined && !wasStaged
  }
  if (stat === 'mounted') return stageMount(place, name, report)
  if (!stat.isDirectory()) {
    report.count(stat)
    return stageEntry(task, place, name, stat, wasStaged, report)
  }

  report.countDirectory()
  const wasThere = makeDirectory(staged)

  if (stat.dev === task.device) next(path)
  else {
    // a subvolume, or what a bind mount leads to
    report.add('directories', path)
    if (task.isFilled) removeEntries(staged)
  }

  return wasThere
}

/** What is left out as a directory may be closed to every look. */
function lookAt(
  task: ScanTask,
  place: DirectoryInTrees,
  name: BytePath,
): BigIntStats | 'mounted' | 'excluded' | 'unreadable' | undefined {
  const path = joinPath(place.path, name)
  const isExcluded = task.excludes.has(path, true)
  if (task.mounts.has(path) && isMountedDirectory(place, name)) {
    return isExcluded ? 'excluded' : 'mounted'
  }

  try {
    const seen = lstatSource(task, place, name)
    const stat = seen === 'mounted' && !isMountedDirectory(place, name) ? undefined : seen
    const isDirectory = stat === 'mounted' || stat?.isDirectory() === true
    if (isExcluded && isDirectory) return 'excluded'
    return task.leavesUnreadable && isTooLong(task, path) ? 'unreadable' : stat
  } catch (error) {
    if (isExcluded && error instanceof UnreadableError) return 'excluded'
    if (isLeftOut(task, error)) return 'unreadable'
    throw error
  }
}

/**
 * rsync takes no path of as many bytes as PATH_MAX, with the NUL at its end (path_resolution(7)).
 */
function isTooLong({ source }: ScanTask, path: BytePath): boolean {
  return source.path.length + 1 + path.length >= 4096
}

/**
 * Without a look at it: the directory below tells what it is mounted on. A file may be mounted on a
 * file, and is copied.
 */
function isMountedDirectory({ source }: DirectoryInTrees, name: BytePath): boolean {
  const kinds = readKinds(source) ?? []
  return kinds.some((kind) => kind.name === name && kind.isDirectory)
}

/** An empty directory, with attributes of its own: those below the mount cannot be seen. */
function stageMount(
  { staging }: DirectoryInTrees,
  name: BytePath,
  report: ScanReportBuilder,
): boolean {
  const staged = `${staging}/${name}`
  const wasThere = makeDirectory(staged)
  removeEntries(staged)
  chmodSync(systemPath(staged), 0o755)
  report.countDirectory()
  return wasThere
}

import { type BytePath, joinPath, lstatIfReachable } from '../../system/byte-path.ts'
import { OpenPlace } from './open-place.ts'
import { lstatSource } from './read-source.ts'
import type { ScanReportBuilder } from './scan-report.ts'
import type { Look, Place, ScanTask } from './scan-task.ts'
import type { DirectoryIndex } from './source-index.ts'
import { copyAnew, linkFromBase } from './stage-entry.ts'

/**
 * A directory is untouched when the spare's is what it has to be in the next snapshot, but for its subdirectories; or that
 * in staging, where that holds what the base does.
 *
 * That of the source has to be the same since the spare's generation or before: its own ctime, which every name that
 * comes or goes moves, and inode and ctime of each entry that is no directory. And that of the spare has to be sealed: with
 * the same inode and ctime it has the names and attributes that it was published with.
 */

const never = 0

/**
 * The generation that has the directory `look` is at, as far as can be told without its entries; 0 when it is touched.
 */
export function untouchedGeneration(
  { staged, spare, youngNs, generation }: ScanTask,
  opened: OpenPlace,
  { place, known, self }: Look,
): number {
  if (self === undefined || self.ctimeNs >= youngNs) return never
  const since = known?.unchangedSince('.', self.ino, self.ctimeNs)
  if (since === undefined) return never
  if (staged === 'base') return generation
  if (spare === undefined) return never
  const { number } = spare.seal.generation
  if (since > number) return never
  const path = opened.spare(spare.tree)
  const stat = path === undefined ? undefined : lstatIfReachable(`${path}/.`)
  const isSealed =
    stat !== undefined && spare.seal.directory(place.path).matches('.', stat.ino, stat.ctimeNs)
  return isSealed ? number : never
}

/** How many of the names, from the first on, are untouched since `generation`; they are counted, directories sent to `next`. */
export function countUntouched(
  task: ScanTask,
  { place, known, names }: Look,
  generation: number,
  report: ScanReportBuilder,
  next: (path: BytePath) => void,
): number {
  if (generation === never) return 0
  let untouched = 0
  for (const name of names) {
    const stat = lstatSource(task, place, name)
    if (stat === undefined) break
    if (stat.isDirectory()) {
      if (stat.dev !== task.device) break
      // it may be a link or a file in the base, and was one when the directory was looked at
      if (task.index?.has(joinPath(place.path, name)) !== true) break
      report.countDirectory()
      next(joinPath(place.path, name))
    } else {
      // a group of names may have been copied anew as a whole since
      if (stat.nlink > 1n || stat.ctimeNs >= task.youngNs) break
      const since = known?.unchangedSince(name, stat.ino, stat.ctimeNs)
      if (since === undefined || since > generation) break
      report.count(stat)
    }
    untouched += 1
  }
  return untouched
}

/**
 * Links entries that are known to be unchanged, by their names, among which directories are passed over. Those `inPlace` are
 * there, and are taken out of it. True when all were.
 */
export function linkKnown(
  task: ScanTask,
  place: Place,
  known: DirectoryIndex,
  names: readonly BytePath[],
  report: ScanReportBuilder,
  inPlace?: Set<BytePath>,
): boolean {
  let wereInPlace = true
  for (const name of names) {
    const entry = known.entry(name)
    const isInPlace = inPlace?.delete(name) === true
    if (entry === undefined) continue
    if (!isInPlace) wereInPlace = false
    if (isInPlace || linkFromBase(task, place, name, report)) {
      report.index.add(name, entry.inode, entry.ctimeNs, entry.since)
      continue
    }
    const stat = lstatSource(task, place, name)
    if (stat?.isDirectory() === false) copyAnew(task, place, name, stat, report)
  }
  return wereInPlace
}

/** Makes an untouched directory in staging that is not moved after all. */
export function stageUntouched(task: ScanTask, path: BytePath, report: ScanReportBuilder): void {
  using opened = new OpenPlace(task, path)
  const known = task.index?.directory(path)
  const place = opened.source()
  const self = known?.entry('.')
  report.addDirectory(path)
  // it vanished meanwhile
  if (place === undefined || known === undefined || self === undefined) return
  const names = known.names().filter((name) => name !== '.')
  report.index.beginDirectory(path)
  report.index.add('.', self.inode, self.ctimeNs, self.since)
  linkKnown(task, opened.everywhere(place), known, names, report)
}

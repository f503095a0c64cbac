import type { BytePath } from '../../system/byte-path.ts'
import { eachPath } from './path-list.ts'
import type { CopyList, ScanCounts, ScanReport } from './scan-report.ts'

/** All that a scan found out. */
export interface ScanResult {
  counts: ScanCounts & { linkGroups: number }
  directories: Uint8Array
  changed: CopyList
  suspects: CopyList
  keptLinks: CopyList
  vanished: Uint8Array
  kept: { files: number; bytes: number }
  index: Uint8Array[]
  /** Subtrees that are not in staging, to be moved there from the spare when all else is done. */
  moves: BytePath[]
  tooManyLinks: number
  missingInBase: number
}

export function mergeReports(reports: readonly ScanReport[]): ScanResult {
  const sum = (pick: (report: ScanReport) => number): number =>
    reports.reduce((total, report) => total + pick(report), 0)
  const linked = sizesOfLinked(reports)
  return {
    counts: {
      files: sum(({ counts }) => counts.files),
      symlinks: sum(({ counts }) => counts.symlinks),
      specials: sum(({ counts }) => counts.specials),
      bytes: sum(({ counts }) => counts.bytes) + linked.bytes,
      // the root is a directory too
      directories: sum(({ counts }) => counts.directories) + 1,
      linkGroups: linked.groups,
    },
    directories: Buffer.concat(
      reports.flatMap(({ directories, mountPoints }) => [directories, mountPoints]),
    ),
    changed: joinLists(reports.map((report) => report.changed)),
    suspects: joinLists(reports.map((report) => report.suspects)),
    keptLinks: joinLists(reports.map((report) => report.keptLinks)),
    vanished: Buffer.concat(reports.map((report) => report.vanished)),
    kept: { files: sum(({ kept }) => kept.files), bytes: sum(({ kept }) => kept.bytes) },
    index: reports.map((report) => report.index),
    moves: [],
    tooManyLinks: sum((report) => report.tooManyLinks),
    missingInBase: sum((report) => report.missingInBase),
  }
}

export function joinLists(lists: readonly CopyList[]): CopyList {
  const seen = new BigInt64Array(lists.reduce((total, list) => total + list.seen.length, 0))
  let position = 0
  for (const list of lists) {
    seen.set(list.seen, position)
    position += list.seen.length
  }
  return {
    paths: Buffer.concat(lists.map((list) => list.paths)),
    seen,
    files: lists.reduce((total, list) => total + list.files, 0),
    bytes: lists.reduce((total, list) => total + list.bytes, 0),
  }
}

/** The untouched directories, with the number of their entries. */
export function untouchedOf(reports: readonly ScanReport[]): Map<BytePath, number> {
  const found = new Map<BytePath, number>()
  for (const { untouched } of reports) {
    let position = 0
    for (const path of eachPath(untouched.paths))
      found.set(path, untouched.entries[position++] ?? 0)
  }
  return found
}

/** The directories that are in staging, or have to be. */
export function* touchedOf(reports: readonly ScanReport[]): Generator<BytePath> {
  for (const { directories, mountPoints } of reports) {
    for (const path of eachPath(directories)) yield path === '.' ? '' : path
    yield* eachPath(mountPoints)
  }
}

/** A file with several names in the tree counts once. */
function sizesOfLinked(reports: readonly ScanReport[]): { bytes: number; groups: number } {
  const names = new Map<bigint, number>()
  let bytes = 0
  for (const { linked } of reports) {
    for (let index = 0; index < linked.length; index += 2) {
      const inode = linked[index] ?? 0n
      const before = names.get(inode) ?? 0
      if (before === 0) bytes += Number(linked[index + 1])
      names.set(inode, before + 1)
    }
  }
  return { bytes, groups: [...names.values()].filter((count) => count > 1).length }
}

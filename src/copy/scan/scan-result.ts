import type { BytePath } from '../../system/byte-path.ts'
import { eachPath } from './path-list.ts'
import type { CopyList, KeptFiles, PathPairs, ScanCounts, ScanReport } from './scan-report.ts'

/** All that a scan found out. */
export interface ScanResult {
  counts: ScanCounts & { linkGroups: number }
  directories: Uint8Array
  changed: CopyList
  suspects: CopyList
  keptLinks: CopyList
  vanished: Uint8Array
  /** Where a renamed file was in the base. */
  renamed: Map<BytePath, BytePath>
  /** Files that were linked from another path of the base. */
  moved: Set<BytePath>
  historyChanged: CopyList
  kept: KeptFiles
  index: Uint8Array[]
  tooManyLinks: number
  notLinked: number
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
    renamed: joinPairs(reports.map((report) => report.renamed)),
    moved: new Set(reports.flatMap(({ moved }) => [...eachPath(moved)])),
    historyChanged: joinLists(reports.map((report) => report.historyChanged)),
    kept: {
      files: sum(({ kept }) => kept.files),
      allocatedBytes: sum(({ kept }) => kept.allocatedBytes),
    },
    index: reports.map((report) => report.index),
    tooManyLinks: sum((report) => report.tooManyLinks),
    notLinked: sum((report) => report.notLinked),
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
    allocatedBytes: lists.reduce((total, list) => total + list.allocatedBytes, 0),
  }
}

function joinPairs(lists: readonly PathPairs[]): Map<BytePath, BytePath> {
  const joined = new Map<BytePath, BytePath>()
  for (const { paths, from } of lists) {
    const origins = eachPath(from)
    for (const path of eachPath(paths)) joined.set(path, origins.next().value ?? '')
  }
  return joined
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

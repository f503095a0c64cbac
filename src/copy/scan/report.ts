import type { BigIntStats } from 'node:fs'
import { type BytePath, joinPath } from '../../tree/byte-path.ts'
import { IndexBuilder } from '../index/index-builder.ts'
import { eachPath } from '../../tree/path-list.ts'
import {
  type CopyList,
  CopyListBuilder,
  allocatedBytes,
  exactly,
  joinLists,
  sum,
} from './copy-list.ts'

/** What a scan lists. */
const listNames = [
  /** Directories whose attributes in staging are not right yet; `.` is the root. */
  'directories',
  /** New, or different from the base by what lstat shows. */
  'toCopy',
  /**
   * Not provably unchanged, but equal to the base by what lstat shows, or a file with several
   * names.
   */
  'toVerify',
  /** Files with several names that were linked to the base. */
  'keptLinks',
  /** Files with a new ctime that look like another one in the base. */
  'renamed',
  /** Where these are in the base, in the same order. */
  'renamedFrom',
  /** Files that were linked from another path of the base. */
  'moved',
  /** What somebody changed in the base, with its inode there; 0 where it is gone. */
  'historyChanged',
  /** What could not be read, and is not staged. */
  'unreadable',
  /** Names that a directory had, and that were gone when they were looked at. */
  'vanished',
] as const
type ListName = (typeof listNames)[number]

const noContents = { files: 0, symlinks: 0, specials: 0, bytes: 0, directories: 0 }
const noCounts = {
  /** What the first pass copied and this one left as it is. */
  keptFiles: 0,
  keptBytes: 0,
  tooManyLinks: 0,
  /** Unchanged files that the base's filesystem would not link. */
  notLinked: 0,
}

/** What a worker tells of some directories; plain data, so that it can cross threads. */
export interface ScanReport extends Record<ListName, CopyList> {
  /** Bytes are the apparent size of files with one name. */
  contents: typeof noContents
  counts: typeof noCounts
  /** Blocks of the source index. */
  index: Uint8Array
  /** Inode and size of files with several names, once a name. */
  linked: BigInt64Array
}

/** All that a scan found out. */
export interface ScanResult extends Record<ListName, CopyList> {
  contents: typeof noContents & { linkGroups: number }
  counts: typeof noCounts
  /** Where a renamed file was in the base. */
  origins: Map<BytePath, BytePath>
  index: Uint8Array[]
}

/** Collects a report entry by entry. */
export class ScanReportBuilder {
  readonly index: IndexBuilder
  readonly counts = { ...noCounts }
  readonly #contents = { ...noContents }
  readonly #lists = eachList(() => new CopyListBuilder())
  readonly #linked: bigint[] = []

  constructor(racyCutoffNs: bigint) {
    this.index = new IndexBuilder(racyCutoffNs)
  }

  /** How many entries it tells of, to bound what is kept back. */
  get size(): number {
    const { files, symlinks, specials, directories } = this.#contents
    return files + symlinks + specials + directories
  }

  add(list: ListName, path: BytePath, stat?: BigIntStats): void {
    this.#lists[list].add(path === '' ? '.' : path, stat)
  }

  addRenamed(path: BytePath, { directory, name }: { directory: BytePath; name: BytePath }): void {
    this.add('renamed', path)
    this.add('renamedFrom', joinPath(directory, name))
  }

  countKept(stat: BigIntStats): void {
    this.counts.keptFiles += 1
    this.counts.keptBytes += allocatedBytes(stat)
  }

  countDirectory(): void {
    this.#contents.directories += 1
  }

  count(stat: BigIntStats): void {
    const contents = this.#contents
    if (stat.isFile()) contents.files += 1
    else if (stat.isSymbolicLink()) contents.symlinks += 1
    else contents.specials += 1

    if (stat.nlink !== 1n) this.#linked.push(stat.ino, stat.isFile() ? stat.size : 0n)
    else if (stat.isFile()) contents.bytes += Number(stat.size)
  }

  build(): ScanReport {
    return {
      ...eachList((name) => this.#lists[name].build()),
      contents: this.#contents,
      counts: this.counts,
      index: exactly(this.index),
      linked: BigInt64Array.from(this.#linked),
    }
  }
}

export function mergeReports(reports: readonly ScanReport[]): ScanResult {
  const lists = eachList((name) => joinLists(reports.map((report) => report[name])))
  const contents = sum(
    noContents,
    reports.map((report) => report.contents),
  )
  const linked = sizesOfLinked(reports)

  return {
    ...lists,
    contents: {
      ...contents,
      bytes: contents.bytes + linked.bytes,
      // the root is a directory too
      directories: contents.directories + 1,
      linkGroups: linked.groups,
    },
    counts: sum(
      noCounts,
      reports.map((report) => report.counts),
    ),
    origins: pair(lists.renamed, lists.renamedFrom),
    index: reports.map((report) => report.index),
  }
}

function pair(paths: CopyList, origins: CopyList): Map<BytePath, BytePath> {
  const from = eachPath(origins.paths)
  return new Map(Array.from(eachPath(paths.paths), (path) => [path, from.next().value ?? '']))
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

function eachList<T>(make: (name: ListName) => T): Record<ListName, T> {
  return Object.fromEntries(listNames.map((name) => [name, make(name)])) as Record<ListName, T>
}

/** What may be given to another thread instead of a copy of it. */
export function buffersOf(report: ScanReport): ArrayBuffer[] {
  const lists = listNames.map((name) => report[name])
  return [report.index, report.linked, ...lists.flatMap(({ paths, seen }) => [paths, seen])].map(
    ({ buffer }) => buffer as ArrayBuffer,
  )
}

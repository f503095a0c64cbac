import type { BigIntStats } from 'node:fs'
import { type BytePath, joinPath } from '../../system/byte-path.ts'
import { PathList } from './path-list.ts'
import { IndexBuilder } from './index-builder.ts'

export interface ScanCounts {
  files: number
  symlinks: number
  specials: number
  /** Apparent size of files with one name. */
  bytes: number
  directories: number
}

/** Paths to copy with what was seen of each; the numbers are in pairs, inode and ctime. */
export interface CopyList {
  paths: Uint8Array
  seen: BigInt64Array
  /** How many of them are regular files, and the apparent size of these. */
  files: number
  bytes: number
  /** What they take on their disk. */
  allocatedBytes: number
}

/** Paths, and for each where that is in the base. */
export interface PathPairs {
  paths: Uint8Array
  from: Uint8Array
}

/** What a worker tells of some directories; plain data, so that it can cross threads. */
export interface ScanReport {
  counts: ScanCounts
  /** Those whose attributes in staging are not right yet; `.` is the root. */
  directories: Uint8Array
  /** Directories that are a subvolume or a filesystem of their own: that there is one, and nothing in it. */
  mountPoints: Uint8Array
  /** New, or different from the base by what lstat shows. */
  changed: CopyList
  /** Not provably unchanged, but equal to the base by what lstat shows, or a file with several names. */
  suspects: CopyList
  /** Files with several names that were linked to the base. */
  keptLinks: CopyList
  /** Files with a new ctime that look like another one in the base, and where that is: path by path. */
  renamed: PathPairs
  /** Files that were linked from another path of the base. */
  moved: Uint8Array
  /** What somebody changed in the base, with its inode there; 0 where it is gone. */
  historyChanged: CopyList
  /** Names that a directory had, and that were gone when they were looked at. */
  vanished: Uint8Array
  /** What the first pass copied and this one left as it is. */
  kept: KeptFiles
  /** Blocks of the source index. */
  index: Uint8Array
  /** Inode and size of files with several names, once a name. */
  linked: BigInt64Array
  tooManyLinks: number
  /** Unchanged files that the base's filesystem would not link. */
  notLinked: number
}

export interface KeptFiles {
  files: number
  allocatedBytes: number
}

/** Collects a report entry by entry. */
export class ScanReportBuilder {
  readonly #directories = new PathList()
  readonly renamed = new PathPairsBuilder()
  readonly moved = new PathList()
  readonly mountPoints = new PathList()
  readonly vanished = new PathList()
  readonly changed = new CopyListBuilder()
  readonly suspects = new CopyListBuilder()
  readonly keptLinks = new CopyListBuilder()
  readonly historyChanged = new CopyListBuilder()
  readonly index: IndexBuilder
  readonly #counts: ScanCounts = { files: 0, symlinks: 0, specials: 0, bytes: 0, directories: 0 }
  readonly #linked: bigint[] = []
  readonly #kept: KeptFiles = { files: 0, allocatedBytes: 0 }
  tooManyLinks = 0
  notLinked = 0

  constructor(racyCutoffNs: bigint) {
    this.index = new IndexBuilder(racyCutoffNs)
  }

  /** How many entries it tells of, to bound what is kept back. */
  get size(): number {
    const { files, symlinks, specials, directories } = this.#counts
    return files + symlinks + specials + directories
  }

  countKept(stat: BigIntStats): void {
    this.#kept.files += 1
    this.#kept.allocatedBytes += allocatedBytes(stat)
  }

  countDirectory(): void {
    this.#counts.directories += 1
  }

  /** One whose attributes in staging are not right yet. */
  addDirectory(path: BytePath): void {
    this.#directories.add(path === '' ? '.' : path)
  }

  count(stat: BigIntStats): void {
    const counts = this.#counts
    if (stat.isFile()) counts.files += 1
    else if (stat.isSymbolicLink()) counts.symlinks += 1
    else counts.specials += 1
    if (stat.nlink !== 1n) this.#linked.push(stat.ino, stat.isFile() ? stat.size : 0n)
    else if (stat.isFile()) counts.bytes += Number(stat.size)
  }

  build(): ScanReport {
    return {
      counts: this.#counts,
      directories: exactly(this.#directories),
      renamed: this.renamed.build(),
      moved: exactly(this.moved),
      historyChanged: this.historyChanged.build(),
      mountPoints: exactly(this.mountPoints),
      vanished: exactly(this.vanished),
      changed: this.changed.build(),
      suspects: this.suspects.build(),
      keptLinks: this.keptLinks.build(),
      kept: this.#kept,
      index: exactly(this.index),
      linked: BigInt64Array.from(this.#linked),
      tooManyLinks: this.tooManyLinks,
      notLinked: this.notLinked,
    }
  }
}

class PathPairsBuilder {
  readonly #paths = new PathList()
  readonly #from = new PathList()

  add(path: BytePath, { directory, name }: { directory: BytePath; name: BytePath }): void {
    this.#paths.add(path)
    this.#from.add(joinPath(directory, name))
  }

  build(): PathPairs {
    return { paths: exactly(this.#paths), from: exactly(this.#from) }
  }
}

class CopyListBuilder {
  readonly #paths = new PathList()
  readonly #seen: bigint[] = []
  #files = 0
  #bytes = 0
  #allocatedBytes = 0

  add(path: BytePath, stat: BigIntStats | undefined): void {
    this.#paths.add(path)
    this.#seen.push(stat?.ino ?? 0n, stat?.ctimeNs ?? 0n)
    if (stat?.isFile() !== true) return
    this.#files += 1
    this.#bytes += Number(stat.size)
    this.#allocatedBytes += allocatedBytes(stat)
  }

  build(): CopyList {
    return {
      paths: exactly(this.#paths),
      seen: BigInt64Array.from(this.#seen),
      files: this.#files,
      bytes: this.#bytes,
      allocatedBytes: this.#allocatedBytes,
    }
  }
}

/** stat(2) counts blocks of 512 bytes, whatever the filesystem has. */
export function allocatedBytes({ blocks }: BigIntStats): number {
  return Number(blocks) * 512
}

/** In a buffer of its own: what crosses threads takes all of the buffer along that it is a part of. */
function exactly(list: { bytes(): Uint8Array }): Uint8Array {
  return new Uint8Array(list.bytes())
}

/** What may be given to another thread instead of a copy of it. */
export function buffersOf(report: ScanReport): ArrayBuffer[] {
  const { directories, mountPoints, vanished, renamed, moved, index, linked } = report
  const arrays = [directories, mountPoints, vanished, renamed.paths, renamed.from, moved, index]
  const lists = [report.changed, report.suspects, report.keptLinks, report.historyChanged]
  return [...arrays, linked, ...lists.flatMap(({ paths, seen }) => [paths, seen])].map(
    ({ buffer }) => buffer as ArrayBuffer,
  )
}

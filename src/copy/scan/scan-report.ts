import type { BigIntStats } from 'node:fs'
import type { BytePath } from '../../system/byte-path.ts'
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
}

/** Paths, and how many entries each of the directories has. */
export interface UntouchedList {
  paths: Uint8Array
  entries: Uint32Array
}

/** What a worker tells of some directories; plain data, so that it can cross threads. */
export interface ScanReport {
  counts: ScanCounts
  /** Those whose attributes in staging are not right yet; `.` is the root. */
  directories: Uint8Array
  /** Directories that are not in staging, because the spare has them as they should be. */
  untouched: UntouchedList
  /** Directories on which another filesystem is mounted: that there is one, and nothing in it. */
  mountPoints: Uint8Array
  /** New, or different from the base by what lstat shows. */
  changed: CopyList
  /** Not provably unchanged, but equal to the base by what lstat shows, or a file with several names. */
  suspects: CopyList
  /** Files with several names that were linked to the base. */
  keptLinks: CopyList
  /** Names that a directory had, and that were gone when they were looked at. */
  vanished: Uint8Array
  /** What the first pass copied and this one left as it is. */
  kept: { files: number; bytes: number }
  /** Blocks of the source index. */
  index: Uint8Array
  /** Inode and size of files with several names, once a name. */
  linked: BigInt64Array
  tooManyLinks: number
  missingInBase: number
}

/** Collects a report entry by entry. */
export class ScanReportBuilder {
  readonly #directories = new PathList()
  readonly #untouched = new PathList()
  readonly #untouchedEntries: number[] = []
  readonly mountPoints = new PathList()
  readonly vanished = new PathList()
  readonly changed = new CopyListBuilder()
  readonly suspects = new CopyListBuilder()
  readonly keptLinks = new CopyListBuilder()
  readonly index: IndexBuilder
  readonly #counts: ScanCounts = { files: 0, symlinks: 0, specials: 0, bytes: 0, directories: 0 }
  readonly #linked: bigint[] = []
  readonly #kept = { files: 0, bytes: 0 }
  tooManyLinks = 0
  missingInBase = 0

  constructor(youngNs: bigint) {
    this.index = new IndexBuilder(youngNs)
  }

  /** How many entries it tells of, to bound what is kept back. */
  get size(): number {
    const { files, symlinks, specials, directories } = this.#counts
    return files + symlinks + specials + directories
  }

  countKept({ size }: BigIntStats): void {
    this.#kept.files += 1
    this.#kept.bytes += Number(size)
  }

  countDirectory(): void {
    this.#counts.directories += 1
  }

  /** One whose attributes in staging are not right yet. */
  addDirectory(path: BytePath): void {
    this.#directories.add(path === '' ? '.' : path)
  }

  addUntouched(path: BytePath, entries: number): void {
    this.#untouched.add(path)
    this.#untouchedEntries.push(entries)
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
      untouched: {
        paths: exactly(this.#untouched),
        entries: Uint32Array.from(this.#untouchedEntries),
      },
      mountPoints: exactly(this.mountPoints),
      vanished: exactly(this.vanished),
      changed: this.changed.build(),
      suspects: this.suspects.build(),
      keptLinks: this.keptLinks.build(),
      kept: this.#kept,
      index: exactly(this.index),
      linked: BigInt64Array.from(this.#linked),
      tooManyLinks: this.tooManyLinks,
      missingInBase: this.missingInBase,
    }
  }
}

class CopyListBuilder {
  readonly #paths = new PathList()
  readonly #seen: bigint[] = []
  #files = 0
  #bytes = 0

  add(path: BytePath, stat: BigIntStats): void {
    this.#paths.add(path)
    this.#seen.push(stat.ino, stat.ctimeNs)
    if (!stat.isFile()) return
    this.#files += 1
    this.#bytes += Number(stat.size)
  }

  build(): CopyList {
    return {
      paths: exactly(this.#paths),
      seen: BigInt64Array.from(this.#seen),
      files: this.#files,
      bytes: this.#bytes,
    }
  }
}

/** In a buffer of its own: what crosses threads takes all of the buffer along that it is a part of. */
function exactly(list: { bytes(): Uint8Array }): Uint8Array {
  return new Uint8Array(list.bytes())
}

/** What may be given to another thread instead of a copy of it. */
export function buffersOf(report: ScanReport): ArrayBuffer[] {
  const { directories, untouched, mountPoints, vanished, index, linked } = report
  const arrays = [directories, untouched.paths, untouched.entries, mountPoints, vanished, index]
  const lists = [report.changed, report.suspects, report.keptLinks]
  return [...arrays, linked, ...lists.flatMap(({ paths, seen }) => [paths, seen])].map(
    ({ buffer }) => buffer as ArrayBuffer,
  )
}

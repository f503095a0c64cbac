import type { BytePath } from '../../tree/byte-path.ts'
import type { KeptTimes } from '../../system/kept-times.ts'
import type { Excludes } from '../../tree/excludes.ts'
import type { TreeReader } from '../../tree/tree-reader.ts'
import type { DirectoryIndex, SourceIndex } from '../index/source-index.ts'

/** The root of a tree: an open directory, and the path it was opened by. */
export interface ScanRoot {
  descriptor: number
  path: BytePath
}

/** What a whole scan shares. */
export interface ScanSettings {
  source: ScanRoot
  /** The volume in the snapshot whose files are linked; undefined to link nothing. */
  base: ScanRoot | undefined
  /** The tree that becomes the snapshot; nobody else can reach it. */
  staging: ScanRoot
  /** Whether staging has something already: what is right stays, all else goes. */
  isFilled: boolean
  /**
   * Whether the index proves anything (proof.ts); else it only tells what the base was when it was
   * published.
   */
  isProof: boolean
  /** Patterns of what is left out. */
  exclude: readonly string[]
  /** Whether what cannot be read is left out, and listed. */
  leavesUnreadable: boolean
  /** The filesystem of the source. */
  device: bigint
  /**
   * Below the source, where another filesystem is mounted: nobody looks at it, because it may not
   * answer.
   */
  mounts: ReadonlySet<BytePath>
  /** The same below the base. */
  baseMounts: ReadonlySet<BytePath>
  racyCutoffNs: bigint
  /** How the store keeps times. */
  times: KeptTimes
}

export interface ScanTask extends ScanSettings {
  /** What the scan before saw: of the base, or of what a first pass staged. */
  index: SourceIndex | undefined
  excludes: Excludes
  trees: ScanTrees
}

/** The way to directories, for one worker. */
export interface ScanTrees {
  source: TreeReader
  base: TreeReader | undefined
  /** For files that are in the base under another path. */
  origins: TreeReader | undefined
  staging: TreeReader
}

/**
 * One directory in the three trees; each a path through an open directory, good until the worker
 * goes to the next one.
 */
export interface DirectoryInTrees {
  path: BytePath
  source: BytePath
  /**
   * A quicker path to look at its entries by, which others may lead elsewhere: what is seen there
   * is either proven by inode and ctime, or looked at again by who copies it.
   */
  sourceEntries: BytePath
  /** Undefined where the base has no such directory. */
  base: BytePath | undefined
  staging: BytePath
  /** What the scan before saw there. */
  known: DirectoryIndex | undefined
}

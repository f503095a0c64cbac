import type { BytePath } from '../../system/byte-path.ts'
import type { SourceIndex } from './source-index.ts'

/** The root of a tree: an open directory, and the path it was opened by. */
export interface ScanRoot {
  descriptor: number
  path: BytePath
}

/**
 * Nothing; the tree of an older snapshot, in which only what is the base's file can stay; or what the first
 * pass of this run made, in which what is unchanged since can stay.
 */
export type StagedEntries = 'nothing' | 'spare' | 'first-pass'

/** What a whole scan shares: the roots of three parallel trees, and how to look at them. */
export interface ScanTask {
  source: ScanRoot
  /** The volume in the snapshot whose files are linked; undefined to link nothing. */
  base: ScanRoot | undefined
  /** The tree that becomes the snapshot. */
  staging: ScanRoot
  /** What the scan before saw when `base` was made. */
  index: SourceIndex | undefined
  /** Of a spare of the same chain: what its directories were when it was published. */
  seal: SourceIndex | undefined
  /** The number of the generation that this scan makes. */
  generation: number
  /** What staging holds already: those entries that are right stay, all others go. */
  staged: StagedEntries
  /** The filesystem of the source; others mounted inside it are not entered. */
  device: bigint
  /** A ctime from here on could be had again by a later change. */
  youngNs: bigint
}

/** Where one directory is in the three trees. */
export interface Place {
  path: BytePath
  /** Through an open descriptor. */
  source: BytePath
  /**
   * A quicker path to look at its entries by, which others may lead elsewhere: what is seen there is either
   * proven by inode and ctime, or looked at again by who copies it.
   */
  sourceEntries: BytePath
  /** Through an open descriptor. */
  base: BytePath | undefined
  /** Through an open descriptor, unless nobody else can reach it. */
  staging: BytePath
}

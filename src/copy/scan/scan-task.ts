import type { BigIntStats } from 'node:fs'
import type { BytePath } from '../../system/byte-path.ts'
import type { DirectoryIndex, SourceIndex } from './source-index.ts'

/** The root of a tree: an open directory, and the path it was opened by. */
export interface ScanRoot {
  descriptor: number
  path: BytePath
}

/**
 * Nothing; or what the base has, by links; or what the first pass of this run made. Of both, what is unchanged since can stay.
 * What is there of the base is known by the index and needs no look.
 */
export type StagedEntries = 'nothing' | 'base' | 'first-pass'

/** The tree of a removed snapshot of the same chain. */
export interface SpareTree {
  tree: ScanRoot
  /** What its directories were when it was published. */
  seal: SourceIndex
}

/** What a whole scan shares: the roots of three parallel trees, and how to look at them. */
export interface ScanTask {
  source: ScanRoot
  /** The volume in the snapshot whose files are linked; undefined to link nothing. */
  base: ScanRoot | undefined
  /** The tree that becomes the snapshot. */
  staging: ScanRoot
  /** What the scan before saw when `base` was made. */
  index: SourceIndex | undefined
  /** With one, directories that are untouched in it are left out of staging. */
  spare: SpareTree | undefined
  /** The number of the generation that this scan makes. */
  generation: number
  /** What staging holds already: those entries that are right stay, all others go. */
  staged: StagedEntries
  /** The filesystem of the source; others mounted inside it are not entered. */
  device: bigint
  /** A ctime from here on could be had again by a later change. */
  youngNs: bigint
}

/** One directory of the source. */
export interface SourcePlace {
  path: BytePath
  /** Through an open descriptor. */
  source: BytePath
  /**
   * A quicker path to look at its entries by, which others may lead elsewhere: what is seen there is either
   * proven by inode and ctime, or looked at again by who copies it.
   */
  sourceEntries: BytePath
}

/** What is known of a directory before its entries are looked at. */
export interface Look {
  place: SourcePlace
  known: DirectoryIndex | undefined
  /** The directory itself, from before its names were read, so that a later change of them shows. */
  self: BigIntStats | undefined
  names: readonly BytePath[]
}

/** The same directory in all three trees. */
export interface Place extends SourcePlace {
  /** Through an open descriptor. */
  base: BytePath | undefined
  /** Nobody else can reach it. */
  staging: BytePath
}

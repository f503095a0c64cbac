import type { Run } from './command.ts'
import type { Figures } from './figures.ts'
import type { Tree } from './tree.ts'

/** What a scenario works with. */
export interface Bench {
  fileCount: number
  runs: number
  /** What is snapshotted; scenarios may change it, but not the number of its files. */
  tree: Tree
  /** A directory on the filesystem of the tree: empty, and gone after the scenario. */
  home: string
  run: Run
  signal: AbortSignal
  say: (line: string) => void
}

export type Scenario = (bench: Bench) => Promise<Figures[]>

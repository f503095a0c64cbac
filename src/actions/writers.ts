/**
 * Which files of live data somebody has open, asked by write leases (system/leases.ts). It is a
 * look and no lock: whoever opens a file a moment later is not seen.
 */
export interface OpenFiles {
  asked: number
  /** How many are open, and the paths of some of them. */
  open: number
  paths: string[]
  /** How many could not be asked, and why; nobody knows of them. */
  unknown: number
  why?: string
}

/** A container that runs on the data, and what a restore does with it. */
export interface RunningConsumer {
  name: string
  state: string
  writes: boolean
  action: 'stop' | 'pause' | 'none'
}

/** Who may write data while they are restored. */
export interface Writers {
  containers: RunningConsumer[]
  /** Why nobody can know; missing where the Docker API tells. */
  unknown?: string
  /** What is open in the volumes; missing where containers that run have files open anyway. */
  files?: OpenFiles
}

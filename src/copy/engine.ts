import type { BytePath } from '../system/byte-path.ts'
import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { RecordWarning, VolumeContents } from '../store/record.ts'

/** How far a copy is; totals are known once the tree has been listed. */
export interface CopyProgress {
  files: number
  totalFiles: number
  bytes: number
  /** A part of the whole, 0 to 1. */
  fraction: number
}

interface CopyRequest {
  /** Inherited by every program that writes, so that the lock outlives this process. */
  lockDescriptor: number
  signal?: AbortSignal | undefined
  onProgress: (progress: CopyProgress) => void
}

export interface SpareRequest {
  tree: string
  seal: string
  /** Whether it was never where others can reach it: a copy of the base, made in advance. */
  isPrivate: boolean
  /** Below one directory less than so many entries are not moved; an engine knows what pays. */
  leastMoved?: number
}

export interface SnapshotRequest extends CopyRequest {
  source: DirectoryHandle
  /** An empty directory in staging. */
  target: string
  /** Compare contents, also where size and time are equal; what engines that prove it do anyway. */
  checksum: boolean
  /** The same volume in the snapshot before, whose files are linked where they did not change. */
  base: string | undefined
  /** What an engine wrote beside the base to know its unchanged files by, if there is one. */
  baseIndex: string | undefined
  /** Where to write the same for this snapshot. */
  index: string
  /** Where to write what a later snapshot knows an untouched tree by. */
  seal: string
  /**
   * The same volume in a removed snapshot, or in a copy of the newest, and its seal: what is as it should be there may be moved
   * into the target. A copy with one has no second pass.
   */
  spare: SpareRequest | undefined
}

export interface RestoreRequest extends CopyRequest {
  /** A volume in a snapshot. */
  source: DirectoryHandle
  /** The live data. */
  target: DirectoryHandle
  /** Paths below the target, relative to it, that are not to be touched: other filesystems. */
  except: readonly string[]
  /** Read and compare everything. */
  readAll: boolean
  /** A snapshot of the live data, and the index of its scan: what it proves equal is not read. */
  known: { tree: string; index: string } | undefined
  /** Whether the snapshot kept inodes and ctimes, so that equal ones prove equal files. */
  keptInodes: boolean
}

export interface SnapshotCopy {
  /** Null when the engine did not read the tree. */
  contents: VolumeContents | null
  /** Whether what was copied shares its contents with the source; undefined where nothing was, or nobody knows. */
  reflink?: boolean | undefined
  /** Whether anything was written while it was read, as far as the engine looks. */
  hasMoved?: boolean
  warnings: RecordWarning[]
  /**
   * The second pass: brings the copy up to date with the source as it is now, at the cost of a scan and of what
   * changed since; `onRead` is called when the source is not needed any more. Undefined where an engine would have to begin anew.
   */
  update?: (onRead: () => void) => Promise<SnapshotCopy>
}

/** What a restore does to one volume; in a plan, what it would do. */
export interface RestoreCounts {
  created: number
  changed: number
  deleted: number
  bytes: number
}

export type RestoreAction = 'create' | 'change' | 'attributes' | 'delete'

/** One entry of a restore's plan. */
export interface RestoreStep {
  action: RestoreAction
  path: BytePath
}

/** A way to make one tree equal another. Every engine keeps all that `rsync -aHAXS` keeps. */
export interface CopyEngine {
  readonly name: string
  /** Whether a copy without a spare can be brought up to date, so that data need to be held still for that only. */
  readonly hasSecondPass: boolean
  /** Starts what a snapshot will need, while other things are done. */
  warmUp?(): void
  snapshot(request: SnapshotRequest): Promise<SnapshotCopy>
  planRestore(request: RestoreRequest, onStep: (step: RestoreStep) => void): Promise<RestoreCounts>
  restore(request: RestoreRequest): Promise<RestoreCounts>
}

import type { DirectoryHandle } from '../system/directory-handle.ts'
import type { RecordWarning } from '../store/record.ts'
import type { Survey } from './survey.ts'

/** How far a copy is; totals are known once the tree has been listed. */
export interface CopyProgress {
  files: number
  totalFiles: number
  bytes: number
  /** A part of the whole, 0 to 1. */
  fraction: number
}

interface CopyRequest {
  /** Compare contents, also where size and time are equal. */
  checksum: boolean
  /** Inherited by every program that writes, so that the lock outlives this process. */
  lockDescriptor: number
  signal?: AbortSignal | undefined
  onProgress: (progress: CopyProgress) => void
}

export interface SnapshotRequest extends CopyRequest {
  source: DirectoryHandle
  /** An empty directory in staging. */
  target: string
  /** The same volume in the snapshot before, whose files are linked where they did not change. */
  base: string | undefined
}

export interface RestoreRequest extends CopyRequest {
  /** A volume in a snapshot. */
  source: DirectoryHandle
  /** The live data. */
  target: DirectoryHandle
  /** Paths below the target, relative to it, that are not to be touched: other filesystems. */
  except: readonly string[]
}

export interface SnapshotCopy {
  survey: Survey
  warnings: RecordWarning[]
}

/** What a restore does to one volume; in a plan, what it would do. */
export interface RestoreCounts {
  created: number
  changed: number
  deleted: number
  bytes: number
}

export type RestoreAction = 'create' | 'change' | 'attributes' | 'delete'

/** One entry of a restore's plan; the path as rsync prints it. */
export interface RestoreStep {
  action: RestoreAction
  path: string
}

/** A way to make one tree equal another. Every engine keeps all that `rsync -aHAXS` keeps. */
export interface CopyEngine {
  readonly name: string
  snapshot(request: SnapshotRequest): Promise<SnapshotCopy>
  planRestore(request: RestoreRequest, onStep: (step: RestoreStep) => void): Promise<RestoreCounts>
  restore(request: RestoreRequest): Promise<RestoreCounts>
}

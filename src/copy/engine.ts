import type { BytePath } from '../tree/byte-path.ts'
import type { Selection } from '../tree/selection.ts'
import type { DirectoryHandle } from '../tree/directory-handle.ts'
import type { RecordWarning, VolumeContents } from '../store/record.ts'
import type { KeptTimes } from '../system/kept-times.ts'
import type { KnownTree } from './index/knowledge.ts'
import type { LeftOutAttributes } from './left-out-attributes.ts'

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

export interface SnapshotRequest extends CopyRequest {
  source: DirectoryHandle
  /** An empty directory in staging. */
  target: string
  /**
   * Whether the target holds links to the base that were made in advance, where nobody else could
   * reach them.
   */
  isPrelinked: boolean
  /** Whether this is only the first pass: `update` follows. */
  isTwoPass: boolean
  /** Patterns of what is left out (tree/excludes.ts). */
  exclude: readonly string[]
  /** Go on without what cannot be read, and name it. */
  leavesUnreadable: boolean
  /** Compare contents, also where size and time are equal; what engines that prove it do anyway. */
  checksum: boolean
  /** Compare all contents, also where nothing can have changed. */
  provesNothing: boolean
  /** The same volume in the snapshot before, whose files are linked where they did not change. */
  base: string | undefined
  /** What an engine wrote beside the base to know its unchanged files by, if there is one. */
  baseIndex: string | undefined
  /** Where to write the same for this snapshot. */
  index: string
  /** What the base tells of attributes that are not in it. */
  baseLeftOut?: RecordWarning | undefined
}

export interface RestoreRequest extends CopyRequest {
  /** A volume in a snapshot. */
  source: DirectoryHandle
  /** The live data. */
  target: DirectoryHandle
  /** Paths below the target, relative to it, that are not to be touched: other filesystems. */
  except: readonly string[]
  /** Patterns of what is left alone: what this snapshot or its safety snapshot left out. */
  exclude: readonly string[]
  /** What could not be read, then or now, and is left alone too. */
  unreadable: ReadonlySet<BytePath>
  /** Only these paths; undefined for all. */
  only?: Selection | undefined
  /** Files that were changed after the snapshot's stay as they are. */
  keepsNewer?: boolean
  /** What the snapshot does not have stays. */
  keepsAdded?: boolean
  /** Read and compare everything. */
  readAll: boolean
  /** What is known of the snapshot that is wanted. */
  wanted: KnownTree
  /** What its record tells of attributes that are not in it. */
  lacking?: RecordWarning | undefined
  /**
   * The newest snapshot of the live data, which has what is replaced; and what it found changed in
   * history, by its inode there.
   */
  known: (KnownTree & { historyChanged: ReadonlyMap<BytePath, bigint> }) | undefined
  /**
   * Where there is no safety snapshot: what did not change since then (ns) is deleted when it is
   * replaced.
   */
  discardBefore?: bigint | undefined
  /** How the store keeps times. */
  times: KeptTimes
  /** Hears of attributes that this process may not set. */
  leftOut?: LeftOutAttributes | undefined
}

export interface SnapshotCopy {
  /** Null when the engine did not read the tree. */
  contents: VolumeContents | null
  /**
   * Whether what was copied shares its contents with the source; undefined where nothing was, or
   * nobody knows.
   */
  reflink?: boolean | undefined
  /** Whether anything was written while it was read, as far as the engine looks. */
  hasMoved?: boolean
  warnings: RecordWarning[]
  /** What could not be read, and is not in the copy. */
  unreadable?: readonly BytePath[]
  /** What somebody changed in the base, by its inode there: 0 where it is gone. */
  historyChanged?: ReadonlyMap<BytePath, bigint>
  /**
   * The second pass: brings the copy up to date with the source as it is now, at the cost of a scan
   * and of what changed since; `onRead` is called when the source is not needed any more. Undefined
   * where an engine would have to begin anew.
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

/** A restore that nothing was done of yet. */
export interface PlannedRestore {
  counts: RestoreCounts
  warnings: RecordWarning[]
  /**
   * Tries in the live data what it needs there, which a plan alone cannot: it writes.
   * Throws OperationError where that cannot be done safely; no entry is changed then.
   */
  testWrites(): Promise<void>
  /** Does it, and returns what went wrong beside it. */
  apply(): Promise<RecordWarning[]>
}

/** A way to make one tree equal another. Every engine keeps all that `rsync -aHAXS` keeps. */
export interface CopyEngine {
  readonly name: string
  /** Whether a copy can be brought up to date, so that data need to be held still for that only. */
  readonly hasSecondPass: boolean
  /** Whether links that were made in advance are of use to it. */
  readonly usesPrelinked: boolean
  /** Starts what a snapshot will need, while other things are done. */
  warmUp?(): void
  snapshot(request: SnapshotRequest): Promise<SnapshotCopy>
  /** Throws OperationError where it has no room, before anything changes. */
  planRestore(
    request: RestoreRequest,
    onStep?: (step: RestoreStep) => void,
  ): Promise<PlannedRestore>
}

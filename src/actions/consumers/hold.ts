import type { DockerClient } from '../../docker/client.ts'
import type { JournaledConsumer } from '../../store/consumer-journal.ts'
import type { HookRecord, QuietConsumer, RecordWarning } from '../../store/record.ts'
import type { FoundConsumers } from './find-consumers.ts'
import type { HeldConsistency } from './judge-consistency.ts'

/** What the data are held for. */
export interface HoldPurpose {
  kind: 'snapshot' | 'restore'
  /** The name of the one that is taken, or restored. */
  snapshot: string
  /** Who runs after a restore although it does not run now. */
  ranBefore?: RanBefore | undefined
}

/** Containers that ran before an earlier restore. */
export interface RanBefore {
  consumers: readonly { id: string; name: string }[]
  /**
   * When that restore was done. Who ended soon after it is started; where undefined, whoever does
   * not run.
   */
  restoredAt: Date | undefined
}

/**
 * Holds the data still: hooks, and consumers paused or stopped. `quiesced` (quiesced.ts) calls
 * `begin`, `release` and `end`; a second `release` or `end` does nothing.
 */
export interface Hold {
  /** Whether anything is done at all. */
  readonly isNeeded: boolean
  /** Undefined where there is no Docker API. */
  readonly client?: DockerClient | undefined
  /**
   * Throws OperationError when a hook fails that must not; then `release` and `end` are still due.
   */
  begin(): Promise<void>
  /**
   * Throws OperationError when somebody who may write runs now, although all were stopped for a
   * restore.
   */
  assertStopped(): Promise<void>
  /**
   * The data have been read, or written: lets everyone go on. Throws when a session that held them
   * did not last.
   */
  release(): Promise<void>
  /** Runs the post hooks. */
  end(error: unknown): Promise<void>
  /** What the record says of it, once it has ended. */
  report(): HoldReport
  /** Who uses the data, as far as that is known. */
  readonly found: Pick<FoundConsumers, 'consumers' | 'unknown'>
  /** Names of those that should have been paused or stopped, and could not be. */
  readonly notHeld: readonly string[]
  /**
   * Those that are started by `release`: stopped by it, left stopped, or ended since an earlier
   * restore.
   */
  readonly stopped: readonly JournaledConsumer[]
}

const nothing = async (): Promise<void> => Promise.resolve()

/**
 * What is stopped for a restore already; nothing is done by it, but that is looked at when the data
 * have been read.
 */
export function alreadyQuiesced(hold: Hold): Hold {
  let looking: Promise<void> | undefined
  return {
    isNeeded: false,
    begin: nothing,
    assertStopped: nothing,
    release: async () => (looking ??= hold.assertStopped()),
    end: nothing,
    report: () => ({
      ...hold.report(),
      quietMs: undefined,
      consumers: [],
      hooks: [],
      warnings: [],
    }),
    found: hold.found,
    notHeld: [],
    stopped: [],
  }
}

/** For a restore of files that nobody has open: whoever runs goes on, and no hook runs. */
export function nobodyHeld(): Hold {
  return {
    isNeeded: false,
    begin: nothing,
    assertStopped: nothing,
    release: nothing,
    end: nothing,
    report: () => ({
      consistency: 'live',
      isAsked: false,
      quietMs: undefined,
      consumers: [],
      hooks: [],
      warnings: [],
    }),
    found: { consumers: [], unknown: undefined },
    notHeld: [],
    stopped: [],
  }
}

export interface HoldReport {
  /** How well the data were held by it alone. */
  consistency: HeldConsistency
  /** Whether that is what was to be done with the consumers; else they were found so. */
  isAsked: boolean
  quietMs: number | undefined
  consumers: QuietConsumer[]
  hooks: readonly HookRecord[]
  warnings: RecordWarning[]
}

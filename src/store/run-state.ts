import * as v from 'valibot'
import { isNotFound } from '../errors.ts'
import { readDocument, writeFileDurably } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { parseDocument, timestamp } from './record.ts'

const runSchema = v.object({
  startedAt: timestamp,
  finishedAt: timestamp,
  /** What began it: `schedule`, `checksum`, `start` or `catch-up`. */
  reason: v.string(),
  outcome: v.picklist(['success', 'flagged', 'failed']),
  /** What was published. */
  snapshot: v.nullable(v.string()),
  /** Why nothing was. */
  error: v.nullable(v.string()),
})

const begunSchema = v.object({ startedAt: timestamp, reason: v.string() })

const toldSchema = v.object({
  /** That snapshots are overdue. */
  stale: v.boolean(),
  /** What the last snapshot is flagged for. */
  codes: v.string(),
})

const schema = v.object({
  schema: v.literal(1),
  lastRun: v.nullable(runSchema),
  /** The last one that published a snapshot, flagged or not. */
  lastSuccess: v.nullable(runSchema),
  failuresInARow: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** When the next success is due. */
  expectedBy: v.nullable(timestamp),
  /**
   * A run that has begun, until its snapshot is there or it has ended: a daemon that finds one here
   * was killed during it.
   */
  begun: v.optional(v.nullable(begunSchema), null),
  /** What whoever is notified knows already. */
  told: v.optional(toldSchema, { stale: false, codes: '' }),
})

/** A run of the schedule that has ended. */
export type FinishedRun = v.InferOutput<typeof runSchema>
export type AlertState = RunState['told']
/** What became of the runs of the schedule, for whoever asks whether snapshots are being taken. */
export type RunState = v.InferOutput<typeof schema>

export const noRuns: RunState = {
  schema: 1,
  lastRun: null,
  lastSuccess: null,
  failuresInARow: 0,
  expectedBy: null,
  begun: null,
  told: { stale: false, codes: '' },
}

/**
 * What is known after `run`; the next success is expected by `nextRun`, unless one is overdue
 * already.
 */
export function withRun(state: RunState, run: FinishedRun, nextRun: Date | undefined): RunState {
  const isSuccess = run.outcome !== 'failed'
  return {
    ...state,
    begun: null,
    lastRun: run,
    lastSuccess: isSuccess ? run : state.lastSuccess,
    failuresInARow: isSuccess ? 0 : state.failuresInARow + 1,
    expectedBy: isSuccess ? (nextRun?.toISOString() ?? null) : state.expectedBy,
  }
}

export function writeRunState(store: StoreLayout, state: RunState): void {
  writeFileDurably(store.runs, `${JSON.stringify(state)}\n`, 0o600)
}

/**
 * Nothing is known where no daemon noted any; throws what parseDocument throws for one that cannot
 * be read.
 */
export function readRunState(store: StoreLayout): RunState {
  try {
    return parseDocument(schema, readDocument(store.runs))
  } catch (error) {
    if (isNotFound(error)) return noRuns
    throw error
  }
}

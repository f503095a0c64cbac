import type { HookRecord, RecordWarning } from '../store/record.ts'
import type { CopyProgress } from '../copy/engine.ts'
import type { Writers } from './writers.ts'

type Phase = 'lock' | 'copy' | 'publish' | 'prune' | 'restore' | 'subvolume' | 'compare' | 'prove'

/** What was done to a container that uses the data, or became of it. */
export type ConsumerChange =
  'paused' | 'stopped' | 'unpaused' | 'started' | 'frozen' | 'restarted' | 'healthy'

/**
 * What an action tells while it works; the terminal, JSON lines and the log are readers of the same
 * events.
 */
export type ActionEvent =
  | { type: 'waiting'; holder: string }
  | { type: 'phase'; phase: Phase; volume?: string; detail?: string }
  | ({ type: 'progress'; volume: string; elapsedMs: number } & CopyProgress)
  | ({ type: 'warning' } & RecordWarning)
  | ({ type: 'writers' } & Writers)
  | { type: 'consumer'; name: string; state: ConsumerChange }
  | ({ type: 'hook' } & HookRecord)
  | { type: 'published'; name: string; kind: string }
  | { type: 'removed'; name: string; reason: string }
  | { type: 'adopted'; name: string }
  /** So much more room the store's filesystem has after a deletion. */
  | { type: 'freed'; bytes: number }

export type Emit = (event: ActionEvent) => void

/**
 * Tells of warnings. Each is told as an event, once; a result holds those that decide the exit code
 * again, as data.
 */
export function emitWarnings(emit: Emit, warnings: readonly RecordWarning[]): void {
  for (const warning of warnings) emit({ type: 'warning', ...warning })
}

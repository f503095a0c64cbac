import type { RecordWarning } from '../store/record.ts'
import type { CopyProgress } from '../copy/engine.ts'

type Phase = 'lock' | 'copy' | 'publish' | 'prune' | 'restore' | 'subvolume' | 'compare'

/** What an action tells while it works; the terminal, JSON lines and the log are readers of the same events. */
export type ActionEvent =
  | { type: 'waiting'; holder: string }
  | { type: 'phase'; phase: Phase; volume?: string; detail?: string }
  | ({ type: 'progress'; volume: string; elapsedMs: number } & CopyProgress)
  | ({ type: 'warning' } & RecordWarning)
  | { type: 'published'; name: string; kind: string }
  | { type: 'removed'; name: string; reason: string }
  | { type: 'adopted'; name: string }

export type Emit = (event: ActionEvent) => void

import * as v from 'valibot'
import { readDocument, writeFileDurably } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { parseDocument, timestamp } from './record.ts'

const schema = v.object({ nextRun: timestamp })

/** Notes when the next scheduled run is due, so that a later daemon knows when it was missed. */
export function writeNextRun(store: StoreLayout, nextRun: Date): void {
  writeFileDurably(store.schedule, `${JSON.stringify({ nextRun: nextRun.toISOString() })}\n`, 0o600)
}

/** Undefined when no daemon noted one, or when the note cannot be read: it is only a hint. */
export function readNextRun(store: StoreLayout): Date | undefined {
  try {
    return new Date(parseDocument(schema, readDocument(store.schedule)).nextRun)
  } catch {
    return undefined
  }
}

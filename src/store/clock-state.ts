import * as v from 'valibot'
import { readDocument, writeFileDurably } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { parseDocument, timestamp } from './record.ts'

const schema = v.object({
  time: timestamp,
  /** Of the kernel, and for how long it had run then; missing where it does not tell. */
  boot: v.optional(v.string()),
  uptimeMs: v.number(),
})

/** What the clock said, and what time cannot be set: how long the machine had run. */
export type ClockReading = v.InferOutput<typeof schema>

export function writeClockReading(store: StoreLayout, reading: ClockReading): void {
  writeFileDurably(store.clock, `${JSON.stringify(reading)}\n`, 0o600)
}

/**
 * That of the last run; undefined when there is none, or when it cannot be read: it is only a hint.
 */
export function readClockReading(store: StoreLayout): ClockReading | undefined {
  try {
    return parseDocument(schema, readDocument(store.clock))
  } catch {
    return undefined
  }
}

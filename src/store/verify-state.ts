import * as v from 'valibot'
import { counted } from '../system/counted.ts'
import { readDocument, writeFileDurably } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { type RecordWarning, parseDocument, snapshotName, timestamp } from './record.ts'

const schema = v.object({
  comparedAt: v.nullable(timestamp),
  damaged: v.record(snapshotName, v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
})

/** What `verify` has found so far. */
export interface VerifyState {
  /** When snapshots were last compared with what they were; null for never. */
  comparedAt: string | null
  /** How many damaged paths a snapshot has, by its name; without those that have none. */
  damaged: Record<string, number>
}

export const neverVerified: VerifyState = { comparedAt: null, damaged: {} }

/** Whatever cannot be read is as if nothing had been verified: the next run finds it again. */
export function readVerifyState(store: StoreLayout): VerifyState {
  try {
    return parseDocument(schema, readDocument(store.verified))
  } catch {
    return neverVerified
  }
}

/** Throws the error of the system. */
export function writeVerifyState(store: StoreLayout, state: VerifyState): void {
  writeFileDurably(store.verified, `${JSON.stringify(state)}\n`, 0o600)
}

/** What whoever uses a snapshot should know of it. */
export function warnOfRot(store: StoreLayout, snapshot: string): RecordWarning[] {
  const count = readVerifyState(store).damaged[snapshot]
  if (count === undefined) return []
  const message = `${counted(count, '{path|paths}')} of ${snapshot} ${count === 1 ? 'is' : 'are'} damaged, as verify has found: "snap-volume verify --repair" puts good copies in their place, where there are any`
  return [{ code: 'damaged', message }]
}

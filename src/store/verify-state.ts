import * as v from 'valibot'
import { counted } from '../system/counted.ts'
import { readDocument, writeFileDurably } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { type RecordWarning, parseDocument, snapshotName, timestamp } from './record.ts'

const schema = v.object({
  comparedAt: v.nullable(timestamp),
  damaged: v.record(
    snapshotName,
    v.object({
      count: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
      paths: v.array(v.string()),
    }),
  ),
})

/** What `verify` has found so far. */
export interface VerifyState {
  /** When snapshots were last compared with what they were; null for never. */
  comparedAt: string | null
  /** How many damaged paths a snapshot has, by its name; without those that have none. */
  damaged: Record<string, number>
}

/** The same, with the damaged paths of each snapshot. */
export interface VerifyFindings {
  comparedAt: string | null
  damaged: Record<string, KnownDamage>
}

export interface KnownDamage {
  count: number
  /** Digests of the first of them. */
  paths: string[]
}

/** Whatever cannot be read is as if nothing had been verified: the next run finds it again. */
export function readVerifyFindings(store: StoreLayout): VerifyFindings {
  try {
    return parseDocument(schema, readDocument(store.verified))
  } catch {
    return { comparedAt: null, damaged: {} }
  }
}

export function readVerifyState(store: StoreLayout): VerifyState {
  const { comparedAt, damaged } = readVerifyFindings(store)
  const counts = Object.entries(damaged).map(([name, { count }]) => [name, count] as const)
  return { comparedAt, damaged: Object.fromEntries(counts) }
}

/** Throws the error of the system. */
export function writeVerifyFindings(store: StoreLayout, findings: VerifyFindings): void {
  writeFileDurably(store.verified, `${JSON.stringify(findings)}\n`, 0o600)
}

/** What is known of a snapshot once some paths were found damaged, and others were repaired. */
export function mergeDamage(
  { count, paths }: KnownDamage,
  found: readonly string[],
  repaired: ReadonlySet<string>,
): KnownDamage {
  const left = paths.filter((path) => !repaired.has(path))
  const all = new Set([...left, ...found])
  return {
    count: count - paths.length + all.size,
    paths: [...all].slice(0, mostPaths),
  }
}

/** So that a store with many snapshots keeps a file of some MiB (readDocument). */
const mostPaths = 1000

/** What whoever uses a snapshot should know of it. */
export function warnOfRot(store: StoreLayout, snapshot: string): RecordWarning[] {
  const count = readVerifyState(store).damaged[snapshot]
  if (count === undefined) return []
  const message = `${counted(count, '{path|paths}')} of ${snapshot} ${count === 1 ? 'is' : 'are'} damaged, as verify has found: "snap-volume verify --repair" puts good copies in their place, where there are any`
  return [{ code: 'damaged', message }]
}

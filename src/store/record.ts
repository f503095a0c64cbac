import * as v from 'valibot'
import { volumeIdPattern } from '../config/volume-spec.ts'
import { isPattern } from '../tree/excludes.ts'
import { parseSnapshotName } from './names.ts'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

/** A time that a Date can be made of; the pattern alone lets through what Date cannot read. */
export const timestamp = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'not a time'),
)

export const snapshotName = v.pipe(
  v.string(),
  v.check((name) => parseSnapshotName(name) !== undefined, 'not the name of a snapshot'),
)

const warningSchema = v.object({
  code: v.string(),
  message: v.string(),
  volume: v.optional(v.string()),
  /** Names as rsync prints them: bytes that are not printable as \#ooo. */
  paths: v.optional(v.array(v.string())),
})

const contentsSchema = v.object({
  files: count,
  directories: count,
  symlinks: count,
  specials: count,
  /** Sets of two or more names for one file. */
  linkGroups: count,
  /** Apparent size; a file with several names counts once. */
  bytes: count,
  /** What this snapshot copied instead of sharing it with another one. */
  addedFiles: count,
  addedBytes: count,
})

const volumeSchema = v.object({
  id: v.pipe(v.string(), v.regex(volumeIdPattern)),
  path: v.string(),
  engine: v.string(),
  /** Whether files that were copied share their contents with the source, copy on write. */
  reflink: v.optional(v.boolean()),
  /** The snapshot whose unchanged files this one shares; null for a full copy. */
  base: v.nullable(snapshotName),
  /** The ID that the volume has there, where it is another one. */
  baseVolume: v.optional(v.pipe(v.string(), v.regex(volumeIdPattern))),
  /**
   * What tells its directory from another one, also after a reboot; absent where the filesystem
   * does not tell.
   */
  root: v.optional(v.object({ inode: v.string(), born: v.string() })),
  /** The type of its filesystem as statfs(2) numbers it, in hexadecimal; absent in old records. */
  filesystem: v.optional(v.string()),
  /** Patterns of what was left out, as rsync has them; absent where there were none. */
  exclude: v.optional(v.array(v.pipe(v.string(), v.check(isPattern, 'not a pattern')))),
  /**
   * What could not be read and is not there, as escapePath writes it; absent where all was read.
   */
  unreadable: v.optional(v.array(v.string())),
  /** Whether the path was a mount point when it was read. */
  mountPoint: v.optional(v.boolean()),
  /** Null where nobody counted: in a snapshot that was adopted. */
  contents: v.nullable(contentsSchema),
})

const consumerSchema = v.object({
  name: v.string(),
  /** What kept it from writing while the data were read. */
  action: v.picklist(['pause', 'stop']),
  /** For how long. */
  ms: count,
})

const hookSchema = v.object({
  point: v.string(),
  /** The container it ran in; null for the sidecar itself. */
  container: v.nullable(v.string()),
  outcome: v.picklist(['done', 'failed', 'timeout']),
  exitCode: v.nullable(v.number()),
  ms: count,
  /** The end of what it printed. */
  output: v.string(),
})

const proofSchema = v.object({
  /** The container of which a copy was started on a clone. */
  container: v.string(),
  image: v.string(),
  at: timestamp,
  ms: count,
  outcome: v.picklist(['proved', 'failed']),
  /** Why it failed; what it was that told that it is healthy. */
  reason: v.string(),
  /** The end of what the copy printed, or the command in it. */
  output: v.string(),
})

/** v.record leaves out keys such as `constructor`, which a label may well be called. */
const labels = v.custom<Record<string, string>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string'),
  'not a text for each key',
)

const recordSchema = v.object({
  schema: v.literal(1),
  name: snapshotName,
  /** What it was called before it was renamed; absent where it was not. */
  formerNames: v.optional(v.array(snapshotName)),
  kind: v.picklist(['scheduled', 'manual', 'safety', 'adopted', 'clone']),
  program: v.string(),
  startedAt: timestamp,
  finishedAt: timestamp,
  consistency: v.picklist(['live', 'hooked', 'paused', 'stopped', 'atomic']),
  /**
   * For how long consumers were paused or stopped, from the first one to the last; absent where
   * none was.
   */
  quietMs: v.optional(count),
  consumers: v.optional(v.array(consumerSchema)),
  hooks: v.optional(v.array(hookSchema)),
  volumes: v.array(volumeSchema),
  /** What the filesystem of the store does not keep; absent where it keeps all. */
  storeLacks: v.optional(v.array(v.string())),
  /** Modification times in the store are multiples of so many ns; absent where they are exact. */
  mtimeStepNs: v.optional(count),
  /**
   * Snapshots that a wrong clock had named of the future, and that were there before this one;
   * absent where none was.
   */
  afterFuture: v.optional(v.array(snapshotName)),
  warnings: v.array(warningSchema),
  comment: v.nullable(v.string()),
  pinned: v.boolean(),
  labels,
  /** Whether servers start on it: the last try of each; absent where there was none. */
  proofs: v.optional(v.array(proofSchema)),
})

/** What is written beside a snapshot's data: when, from where, how, and what was odd about it. */
export type SnapshotRecord = v.InferOutput<typeof recordSchema>
export type VolumeContents = v.InferOutput<typeof contentsSchema>
export type VolumeRecord = v.InferOutput<typeof volumeSchema>
export type RecordWarning = v.InferOutput<typeof warningSchema>
export type QuietConsumer = v.InferOutput<typeof consumerSchema>
export type ProofRecord = v.InferOutput<typeof proofSchema>
export type HookRecord = v.InferOutput<typeof hookSchema>
export type Consistency = SnapshotRecord['consistency']
export type SnapshotKind = SnapshotRecord['kind']

export interface RecordTotals {
  files: number
  bytes: number
  addedFiles: number
  addedBytes: number
}

/** Whether servers start on a snapshot; undefined where nobody tried. */
export function proofOf({ proofs = [] }: SnapshotRecord): 'proved' | 'failed' | undefined {
  if (proofs.length === 0) return undefined
  return proofs.every(({ outcome }) => outcome === 'proved') ? 'proved' : 'failed'
}

/** The sums over all volumes; undefined when none was counted. */
export function recordTotals({ volumes }: SnapshotRecord): RecordTotals | undefined {
  const counted = volumes.flatMap(({ contents }) => contents ?? [])
  if (counted.length === 0) return undefined

  const sum = (key: keyof RecordTotals): number =>
    counted.reduce((total, contents) => total + contents[key], 0)

  return {
    files: sum('files'),
    bytes: sum('bytes'),
    addedFiles: sum('addedFiles'),
    addedBytes: sum('addedBytes'),
  }
}

export function formatRecord(record: SnapshotRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`
}

/**
 * Reads a record that may come from a hostile or broken store.
 * Throws Error that says what is wrong with it.
 */
export function parseRecord(text: string): SnapshotRecord {
  return parseDocument(recordSchema, text)
}

/** Parses JSON and checks it; the error names the first place that does not fit. */
export function parseDocument<Schema extends v.GenericSchema>(
  schema: Schema,
  text: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, JSON.parse(text))
  if (result.success) return result.output
  const [issue] = result.issues
  throw new Error(`${v.getDotPath(issue) ?? 'document'}: ${issue.message}`)
}

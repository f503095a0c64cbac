import { rmSync } from 'node:fs'
import * as v from 'valibot'
import { OperationError, isNotFound, messageOf } from '../errors.ts'
import { volumeIdPattern } from '../config/volume-spec.ts'
import { readDocument, writeFileDurably } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { parseDocument, snapshotName } from './record.ts'

const changeSchema = v.object({
  id: v.pipe(v.string(), v.regex(volumeIdPattern)),
  /** The last snapshot of what the volume was. */
  lastBefore: snapshotName,
  /** What is another one now, for people. */
  message: v.string(),
})
const schema = v.object({ volumes: v.array(changeSchema) })

/**
 * A volume became another one, or nearly all of its files did, and nobody said yet that this is
 * right.
 */
export type UnacceptedChange = v.InferOutput<typeof changeSchema>

/** Throws OperationError when nobody can know: then nothing may be removed. */
export function readUnacceptedChanges({ changes }: StoreLayout): UnacceptedChange[] {
  try {
    return parseDocument(schema, readDocument(changes)).volumes
  } catch (error) {
    if (isNotFound(error)) return []
    throw new OperationError(`${changes} cannot be used (${messageOf(error)})`, {
      cause: error,
      fix: 'look at the newest snapshots, then run "snap-volume snapshot --accept-changes", which writes it anew',
    })
  }
}

/**
 * Notes changes, on the disk when it returns. Of a volume that is noted already, the first one
 * counts.
 */
export function noteChanges(store: StoreLayout, changes: readonly UnacceptedChange[]): void {
  if (changes.length === 0) return
  const noted = readUnacceptedChanges(store)
  const added = changes.filter(({ id }) => noted.every((one) => one.id !== id))
  const volumes = [...noted, ...added]
  writeFileDurably(store.changes, `${JSON.stringify({ volumes }, null, 2)}\n`, 0o600)
}

/** Somebody looked, and the data are what they should be. */
export function acceptChanges({ changes }: StoreLayout): void {
  rmSync(changes, { force: true })
}

/** In a line: what was found, and what to do. */
export function describeChange({ message, lastBefore }: UnacceptedChange): string {
  return `${message}; snapshots up to ${lastBefore} are kept until you ran "snap-volume snapshot --accept-changes", or go back with "snap-volume restore ${lastBefore}"`
}

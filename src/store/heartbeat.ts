import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import * as v from 'valibot'
import { isNotFound } from '../errors.ts'
import { printable } from '../system/printable.ts'
import { readDocument } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { findHolder } from './lock.ts'
import { parseDocument, timestamp } from './record.ts'

/** Older than this, it says that no daemon runs, or that it hangs. */
const longestAgeMs = 120_000

const runningSchema = v.object({
  startedAt: timestamp,
  reason: v.string(),
  /** When it last did something one can see. */
  lastSignAt: timestamp,
})

const schema = v.object({ startedAt: timestamp, running: v.nullable(runningSchema) })

/** What a daemon that lives says of itself. */
export type Heartbeat = v.InferOutput<typeof schema>

/**
 * Notes that the daemon lives. The first line of the file is its verdict on itself, for a
 * HEALTHCHECK that starts no Node. Not synced: nobody needs it after a power cut.
 */
export function writeHeartbeat(store: StoreLayout, verdict: string, heartbeat: Heartbeat): void {
  const temporary = `${store.heartbeat}.new`
  const line = printable(verdict.replaceAll(/\s+/g, ' '))
  writeFileSync(temporary, `${line}\n${JSON.stringify(heartbeat)}\n`, { mode: 0o600 })
  renameSync(temporary, store.heartbeat)
}

export function removeHeartbeat(store: StoreLayout): void {
  rmSync(store.heartbeat, { force: true })
}

/**
 * Undefined when no daemon runs. Its lock tells at once of one that was killed, its heartbeat of
 * one that hangs. Throws OperationError when the lock cannot be asked.
 */
export async function findHeartbeat(store: StoreLayout, now: Date): Promise<Heartbeat | undefined> {
  const heartbeat = readHeartbeat(store, now)
  if (heartbeat === undefined) return undefined
  return (await findHolder(store.daemonLock)) === undefined ? undefined : heartbeat
}

/** What the last daemon wrote; undefined when that is older than a living one would leave it. */
export function readHeartbeat(store: StoreLayout, now: Date): Heartbeat | undefined {
  const stat = statSync(store.heartbeat, { throwIfNoEntry: false })
  // one of the future is of a clock that was set back since: who lives has written another one by
  // then
  if (stat === undefined || Math.abs(now.getTime() - stat.mtimeMs) >= longestAgeMs) return undefined

  try {
    const [, document = ''] = readDocument(store.heartbeat).split('\n')
    return parseDocument(schema, document)
  } catch (error) {
    if (isNotFound(error)) return undefined
    // of another version of this program
    return { startedAt: stat.mtime.toISOString(), running: null }
  }
}

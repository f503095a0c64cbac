import { existsSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import * as v from 'valibot'
import { OperationError, isNotFound, messageOf } from '../errors.ts'
import { fsyncDirectory, readDocument, writeFileDurably } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { parseDocument, timestamp } from './record.ts'

/** A container, as a journal names it. */
export const containerSchema = v.object({
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  name: v.string(),
})

const consumerSchema = v.object({
  ...containerSchema.entries,
  action: v.picklist(['pause', 'stop']),
  /**
   * By when the Engine has done what it was asked for, whoever asked is still there or not; missing
   * before it is asked.
   */
  settledBy: v.optional(timestamp),
  /** A pause of it failed and has left it frozen. */
  frozen: v.optional(
    v.object({
      /** When that was found. */
      since: timestamp,
      /**
       * When the container had been started, in the Engine's words; missing where nobody may look.
       */
      startedAt: v.optional(v.string()),
    }),
  ),
})

const schema = v.object({
  schema: v.literal(1),
  /** What they were paused or stopped for. */
  purpose: v.string(),
  /** When it was written. */
  startedAt: timestamp,
  /** In the order in which they are paused or stopped; they come back in reverse. */
  consumers: v.array(consumerSchema),
})

/** The purpose of a journal of those who were to go on, and did not. */
export const didNotComeBack = 'did not come back'

/**
 * Which consumers this program paused or stopped. It is on the disk before the first of them is,
 * and as long as one of them may be: whoever finds it while nobody holds the consumers' lock
 * resumes them.
 */
export type ConsumerJournal = v.InferOutput<typeof schema>
export type JournaledConsumer = ConsumerJournal['consumers'][number]
export type FrozenMark = NonNullable<JournaledConsumer['frozen']>

export function writeConsumerJournal(store: StoreLayout, journal: ConsumerJournal): void {
  writeFileDurably(store.consumerJournal, `${JSON.stringify(journal, null, 2)}\n`, 0o600)
}

/**
 * Durably: else a power cut could bring it back, and later somebody resume who was stopped by hand.
 */
export function removeConsumerJournal(store: StoreLayout): void {
  rmSync(store.consumerJournal, { force: true })
  fsyncDirectory(dirname(store.consumerJournal))
}

export function hasConsumerJournal(store: StoreLayout): boolean {
  return existsSync(store.consumerJournal)
}

/** Undefined when there is none. Throws OperationError for one that cannot be read. */
export function readConsumerJournal(store: StoreLayout): ConsumerJournal | undefined {
  try {
    return parseDocument(schema, readDocument(store.consumerJournal))
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw new OperationError(
      `${store.consumerJournal} cannot be read (${messageOf(error)}): containers may still be paused or stopped;`,
      { cause: error, fix: 'look with "docker ps -a", and move the file away' },
    )
  }
}

/** What docker(1) is told to let one go on. */
export function commandFor({ name, action, frozen }: JournaledConsumer): string {
  if (frozen !== undefined) return `docker restart ${name}`
  return `docker ${action === 'pause' ? 'unpause' : 'start'} ${name}`
}

/** What is wrong with one that is frozen, and what to do. */
export function describeFrozen(name: string, { since }: FrozenMark): string {
  return `the container ${name} does not run, although docker says so: a pause of it failed and left it frozen (found ${since}); run "docker restart ${name}"`
}

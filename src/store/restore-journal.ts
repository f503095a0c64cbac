import * as v from 'valibot'
import { OperationError, isNotFound, messageOf } from '../errors.ts'
import { containerSchema } from './consumer-journal.ts'
import { readDocument, writeFileDurably } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { parseDocument } from './record.ts'

const schema = v.object({
  schema: v.literal(1),
  /** The snapshot that is being restored. */
  snapshot: v.string(),
  /**
   * The snapshot of what it replaces; where `restore --undo` goes. Null where nobody wanted one.
   */
  safety: v.nullable(v.string()),
  /** Whether it goes back to what another one replaced. */
  undo: v.boolean(),
  /**
   * With the ID in the snapshot, where that is another one; and only these paths (escapePath), where
   * not all of it is restored.
   */
  volumes: v.array(
    v.object({
      id: v.string(),
      path: v.string(),
      from: v.optional(v.string()),
      paths: v.optional(v.array(v.string())),
    }),
  ),
  /** What was asked for besides. */
  keepNewer: v.optional(v.boolean()),
  noDelete: v.optional(v.boolean()),
  /**
   * Volumes that were restored without a safety snapshot, by this restore or one before, and the
   * newest snapshot of each by then: it is not of what the restore left.
   */
  unsaved: v.optional(v.array(v.object({ id: v.string(), newest: v.string() }))),
  /** Containers that ran before, and were stopped for it; missing where nobody could stop any. */
  consumers: v.optional(v.array(containerSchema)),
  startedAt: v.string(),
  /** Null until the live data are equal to the snapshot. */
  finishedAt: v.nullable(v.string()),
})

/**
 * The last restore. It is written before live data are touched, so one that was cut off is known.
 */
export type RestoreJournal = v.InferOutput<typeof schema>

export function writeRestoreJournal(store: StoreLayout, journal: RestoreJournal): void {
  writeFileDurably(store.restoreJournal, `${JSON.stringify(journal, null, 2)}\n`, 0o600)
}

/** Throws OperationError when there is a journal that cannot be read. */
export function readRestoreJournal(store: StoreLayout): RestoreJournal | undefined {
  try {
    return parseDocument(schema, readDocument(store.restoreJournal))
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw new OperationError(
      `${store.restoreJournal} cannot be read (${messageOf(error)}): a restore may have been cut off;`,
      { cause: error, fix: 'move the file away when the live data are as they should be' },
    )
  }
}

/** The restore that was begun and not finished, if there is one. */
export function readInterruptedRestore(store: StoreLayout): RestoreJournal | undefined {
  const journal = readRestoreJournal(store)
  return journal?.finishedAt === null ? journal : undefined
}

/**
 * Whether `snapshot` is the newest one of the volume `id`, and that was restored since without a
 * safety snapshot.
 */
export function isRestoredOver(store: StoreLayout, id: string, snapshot: string): boolean {
  const { unsaved = [] } = readRestoreJournal(store) ?? {}
  return unsaved.some((volume) => volume.id === id && volume.newest === snapshot)
}

/** What is thrown, or told, until it is finished or undone. */
export function explainInterruptedRestore(journal: RestoreJournal): OperationError {
  const volumes = journal.volumes.map(({ id }) => id).join(', ')
  return new OperationError(
    `a restore of ${journal.snapshot} into ${volumes} was cut off (begun ${journal.startedAt}), the live data are a mixture`,
    { fix: waysOn(journal) },
  )
}

function waysOn(journal: RestoreJournal): string {
  const { safety, undo } = journal
  return [
    `finish it with "snap-volume restore ${wordsToFinish(journal)}"`,
    ...(safety === null ? ['nothing of what it replaced was kept'] : []),
    ...(safety === null || undo ? [] : ['or go back with "snap-volume restore --undo"']),
  ].join(', ')
}

/** All of it could be said by options too, but for names that no shell takes. */
function wordsToFinish({ snapshot, safety, undo, volumes, ...asked }: RestoreJournal): string {
  const isPart = volumes.some(({ paths }) => paths !== undefined)
  if (isPart || asked.keepNewer === true || asked.noDelete === true) return '--continue'

  const keepsNothing = safety === null ? ' --without-safety' : ''
  const isRenamed = volumes.some(({ id, from = id }) => from !== id)
  const options = volumes.map(
    ({ id, from = id }) => ` --volume ${from}${isRenamed ? ` --as ${id}` : ''}`,
  )
  return `${undo ? '--undo' : `${snapshot}${options.join('')}`}${keepsNothing}`
}

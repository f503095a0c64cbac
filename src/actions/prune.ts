import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Candidate, type RetentionDecision, planRetention } from '../retention/plan.ts'
import { type Snapshot, isSafety, readCatalog } from '../store/catalog.ts'
import { readUnacceptedChanges } from '../store/changes.ts'
import type { StoreLayout } from '../store/layout.ts'
import { readRestoreJournal } from '../store/restore-journal.ts'
import { discardPrelinked } from '../store/prelinked.ts'
import { moveToTrash } from '../store/trash.ts'
import { type ActionContext, asWriter } from './context.ts'

/** Decides what retention would remove now; changes nothing. */
export function planPrune(store: StoreLayout, maxSnapshots: number): RetentionDecision[] {
  const candidates = readCatalog(store).snapshots.map((snapshot) => ({
    name: snapshot.name,
    volumes: snapshot.record.volumes.map(({ id }) => ({ id, flagged: isFlagged(snapshot, id) })),
    pinned: snapshot.record.pinned,
    safety: isSafety(snapshot),
  }))
  const kept = new Map([
    ...snapshotsBeforeChanges(store, candidates),
    ...snapshotsOfLastRestore(store),
  ])
  return planRetention(candidates, { maxSnapshots, protected: kept })
}

/** Those of a volume that is another one now, until somebody says that this is right. */
function snapshotsBeforeChanges(
  store: StoreLayout,
  candidates: readonly Candidate[],
): Map<string, string> {
  return new Map(
    readUnacceptedChanges(store).flatMap(({ id, lastBefore }) =>
      candidates
        .filter(({ name, volumes }) => name <= lastBefore && volumes.some((one) => one.id === id))
        .map(({ name }) => [name, `${id} is another one since, and nobody accepted that`] as const),
    ),
  )
}

/** A warning that names no volume may be of any. */
function isFlagged({ record }: Snapshot, id: string): boolean {
  return record.warnings.some(({ volume = id }) => volume === id)
}

/** A restore under way needs its snapshot; the way back from the last one stays open until the next. */
function snapshotsOfLastRestore(store: StoreLayout): Map<string, string> {
  const journal = readRestoreJournal(store)
  const inUse = new Map<string, string>()
  if (journal === undefined) return inUse
  if (journal.safety !== null) {
    inUse.set(journal.safety, 'what the last restore replaced (restore --undo)')
  }
  if (journal.finishedAt === null) inUse.set(journal.snapshot, 'a restore of it is not finished')
  return inUse
}

/**
 * Removes what retention does not keep, as the only writer.
 * Returns the decisions it acted on.
 */
export async function prune(context: ActionContext): Promise<RetentionDecision[]> {
  return asWriter(context, 'prune', () => {
    const plan = planPrune(context.store, context.config.maxSnapshots)
    // whoever asks for it wants the space
    discardPrelinked(context.store)
    try {
      moveToTrash(context.store, pathsOf(context.store, plan))
    } finally {
      tellRemoved(context, plan)
    }
    return Promise.resolve(plan)
  })
}

/** The same as the last step of another action; returns the names removed. */
export function applyRetention(context: ActionContext): string[] {
  const { store } = context
  const plan = planPrune(store, context.config.maxSnapshots)
  let removed: string[] = []
  try {
    moveToTrash(store, pathsOf(store, plan))
  } finally {
    removed = tellRemoved(context, plan)
  }
  return removed
}

/** Of what is removed, oldest first. */
function pathsOf(store: StoreLayout, plan: readonly RetentionDecision[]): string[] {
  return plan.filter(({ keep }) => !keep).map(({ name }) => join(store.directory, name))
}

/** Tells of those that are gone, and returns their names. */
function tellRemoved({ store, emit }: ActionContext, plan: readonly RetentionDecision[]): string[] {
  const removals = plan.filter(
    ({ keep, name }) => !keep && !existsSync(join(store.directory, name)),
  )
  for (const { name, reason } of removals) emit({ type: 'removed', name, reason })
  return removals.map(({ name }) => name)
}

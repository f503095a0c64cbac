import { join } from 'node:path'
import { type RetentionDecision, planRetention } from '../retention/plan.ts'
import { isSafety, readCatalog } from '../store/catalog.ts'
import type { StoreLayout } from '../store/layout.ts'
import { readRestoreJournal } from '../store/restore-journal.ts'
import { dropSpares } from '../store/spare.ts'
import { moveToTrash } from '../store/trash.ts'
import { type ActionContext, asWriter } from './context.ts'

/** Decides what retention would remove now; changes nothing. */
export function planPrune(store: StoreLayout, maxSnapshots: number): RetentionDecision[] {
  const candidates = readCatalog(store).snapshots.map((snapshot) => ({
    name: snapshot.name,
    volumes: snapshot.record.volumes.map(({ id }) => id),
    pinned: snapshot.record.pinned,
    safety: isSafety(snapshot),
    flagged: snapshot.record.warnings.length > 0,
  }))
  return planRetention(candidates, { maxSnapshots, protected: snapshotsOfLastRestore(store) })
}

/** A restore under way needs its snapshot; the way back from the last one stays open until the next. */
function snapshotsOfLastRestore(store: StoreLayout): Map<string, string> {
  const journal = readRestoreJournal(store)
  const inUse = new Map<string, string>()
  if (journal === undefined) return inUse
  inUse.set(journal.safety, 'what the last restore replaced (restore --undo)')
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
    dropSpares(context.store)
    removeSnapshots(context, plan)
    return Promise.resolve(plan)
  })
}

/** The same as the last step of another action; returns the names removed. */
export function applyRetention(context: ActionContext): string[] {
  const plan = planPrune(context.store, context.config.maxSnapshots)
  removeSnapshots(context, plan)
  return plan.filter(({ keep }) => !keep).map(({ name }) => name)
}

/** Takes them out of sight, oldest first. */
function removeSnapshots({ store, emit }: ActionContext, plan: readonly RetentionDecision[]): void {
  const removals = plan.filter(({ keep }) => !keep)
  moveToTrash(
    store,
    removals.map(({ name }) => join(store.directory, name)),
  )
  for (const { name, reason } of removals) emit({ type: 'removed', name, reason })
}

import { join } from 'node:path'
import { type RetentionDecision, planRetention } from '../retention/plan.ts'
import { isSafety, readCatalog } from '../store/catalog.ts'
import type { StoreLayout } from '../store/layout.ts'
import type { Lock } from '../store/lock.ts'
import { readRestoreJournal } from '../store/restore-journal.ts'
import { emptyTrash, moveToTrash } from '../store/trash.ts'
import { type ActionContext, withStoreLock } from './context.ts'

/** Decides what retention would remove now; changes nothing. */
export function planPrune(store: StoreLayout, maxSnapshots: number): RetentionDecision[] {
  const candidates = readCatalog(store).snapshots.map((snapshot) => ({
    name: snapshot.name,
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
  return withStoreLock(context, 'prune', async (lock) => {
    const plan = planPrune(context.store, context.config.maxSnapshots)
    await applyPlan(context, lock, plan)
    return plan
  })
}

/** The same as the last step of another action; returns the names removed. */
export async function applyRetention(context: ActionContext, lock: Lock): Promise<string[]> {
  const plan = planPrune(context.store, context.config.maxSnapshots)
  await applyPlan(context, lock, plan)
  return plan.filter(({ keep }) => !keep).map(({ name }) => name)
}

async function applyPlan(
  { store, emit, signal }: ActionContext,
  lock: Lock,
  plan: readonly RetentionDecision[],
): Promise<void> {
  const removals = plan.filter(({ keep }) => !keep)
  moveToTrash(
    store,
    removals.map(({ name }) => join(store.directory, name)),
  )
  for (const { name, reason } of removals) emit({ type: 'removed', name, reason })
  const leftOver = await emptyTrash(store, lock, signal)
  if (leftOver !== undefined) emit({ type: 'warning', code: 'trash', message: leftOver })
}

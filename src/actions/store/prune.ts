import { join } from 'node:path'
import { OperationError } from '../../errors.ts'
import {
  type Candidate,
  type RetentionDecision,
  countManyRemoved,
  planRetention,
} from '../../retention/plan.ts'
import { readCatalog } from '../../store/catalog.ts'
import { futureSnapshots } from '../../store/future.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { discardPrelinked } from '../../store/prelinked.ts'
import type { RecordWarning } from '../../store/record.ts'
import { moveToTrash } from '../../store/trash.ts'
import { findClockJump, noteClock, warnOfJump } from '../clock-jump.ts'
import { type ActionContext, type StoreConfig, asWriter } from '../context.ts'
import { emitWarnings } from '../events.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { codesOf, logged } from '../log-act.ts'
import { type RetentionConfig, findCandidates, tellRemoved } from './find-candidates.ts'
import {
  type AppliedRetention,
  makeRoom,
  nothingRemoved,
  planRoom,
  removedForRoom,
} from './make-room.ts'

/**
 * Decides what retention would remove now; changes nothing. Snapshots of the future, and those that
 * a clock set back named, stay and count for nothing, and all stay where the clock took a `jump`
 * since the last run. With `next`, as if that were there already, the newest of all.
 */
export function planPrune(
  store: StoreLayout,
  config: RetentionConfig,
  now: Date,
  jump?: string,
  next?: Candidate,
): RetentionDecision[] {
  const catalog = readCatalog(store)
  const { candidates, policy } = findCandidates(store, catalog, config, now)
  const plan = planRetention(next === undefined ? candidates : [...candidates, next], policy)

  return [
    ...(jump === undefined ? plan : plan.map((decision) => keptBy(jump, decision))),
    ...futureSnapshots(catalog, now).map(({ name }) => {
      return { name, keep: true, reason: 'of the future, by the clock of now' }
    }),
  ]
}

function keptBy(jump: string, decision: RetentionDecision): RetentionDecision {
  return decision.keep ? decision : { ...decision, keep: true, reason: jump }
}

/** What `prune` would do now. */
export function planNow({ store, config, clock }: ActionContext): RetentionDecision[] {
  const now = clock.now()
  return planPrune(store, config, now, findClockJump(store, now))
}

/** The same with what would go then for SNAP_MIN_FREE, or why nothing would. */
export async function planBothStages(context: ActionContext): Promise<PruneResult> {
  const { store, clock } = context
  const plan = planNow(context)
  const jump = findClockJump(store, clock.now())
  const gone = new Set(plan.flatMap(({ name, keep }) => (keep ? [] : name)))
  const room = jump === undefined ? await planRoom(context, gone) : undefined
  if (room === undefined) return { plan, warnings: [] }
  if ('warning' in room) return { plan, warnings: [room.warning] }
  return { plan: plan.map((decision) => orForRoom(decision, room.names)), warnings: [] }
}

export interface PruneResult {
  /** What it acted on. */
  plan: RetentionDecision[]
  warnings: RecordWarning[]
}

export interface PruneOptions {
  /** Somebody has looked at the plan: it may remove many at once. */
  yes: boolean
}

/**
 * Removes what retention does not keep, as the only writer. Throws OperationError where that is
 * many at once, and nobody has said that it is right.
 */
export async function prune(context: ActionContext, options: PruneOptions): Promise<PruneResult> {
  return logged(
    context,
    { act: 'prune' },
    async () => pruneAsWriter(context, options),
    ({ plan, warnings }) => {
      const removed = plan.filter(({ keep }) => !keep).map(({ name }) => name)
      return { removed, warnings: codesOf(warnings) }
    },
  )
}

async function pruneAsWriter(context: ActionContext, { yes }: PruneOptions): Promise<PruneResult> {
  return asWriter(context, 'prune', async () => {
    const { store, config, clock } = context
    const now = clock.now()
    const jump = findClockJump(store, now)

    const plan = planPrune(store, config, now, jump)
    const waits = yes ? undefined : whyItWaits(config, plan)
    if (waits !== undefined) throw waits
    try {
      // whoever asks for it wants the space
      await discardPrelinked(store)
      await moveToTrash(store, pathsOf(store, plan))
    } catch (error) {
      const where = { ...inStore(store.directory), whenFull: 'free space there first' }
      throw await explainFailure(error, where, 'not all that retention removes is removed')
    } finally {
      tellRemoved(context, plan)
    }

    // whoever asks again has looked at the clock
    noteClock(context)
    const room = jump === undefined ? await makeRoom(context) : nothingRemoved
    const warnings = [...(jump === undefined ? [] : [warnOfJump(jump)]), ...room.warnings]
    emitWarnings(context.emit, warnings)
    return { plan: plan.map((decision) => orForRoom(decision, room.removed)), warnings }
  })
}

function orForRoom(decision: RetentionDecision, removed: readonly string[]): RetentionDecision {
  if (!removed.includes(decision.name)) return decision
  return { ...decision, keep: false, reason: removedForRoom }
}

/** Where a plan removes so many at once that it waits for somebody who looks at it: what to say. */
export function whyItWaits(
  config: Pick<StoreConfig, 'prune'>,
  plan: readonly RetentionDecision[],
): OperationError | undefined {
  const removed = config.prune === 'always' ? undefined : countManyRemoved(plan)
  if (removed === undefined) return undefined

  return new OperationError(
    `nothing was removed, because retention would remove ${removed} of ${plan.length} snapshots at once`,
    {
      fix: 'look at "snap-volume prune --dry-run", then run "snap-volume prune --yes", or start with rules that keep more (SNAP_PRUNE=always never waits)',
    },
  )
}

/**
 * The same as the last step of another action, where the clock may have taken a `jump`. Where it
 * would remove many at once it removes none, and warns.
 */
export async function applyRetention(
  context: ActionContext,
  jump: string | undefined,
): Promise<AppliedRetention> {
  const { store, config, clock } = context
  const plan = planPrune(store, config, clock.now(), jump)
  const waits = whyItWaits(config, plan)
  const warnings = [
    ...(jump === undefined ? [] : [warnOfJump(jump)]),
    ...(waits === undefined ? [] : [{ code: 'prune-waits', message: waits.message }]),
  ]
  if (waits !== undefined) return { removed: [], warnings }

  let removed: string[] = []
  try {
    await moveToTrash(store, pathsOf(store, plan))
  } finally {
    removed = tellRemoved(context, plan)
  }

  const room = jump === undefined ? await makeRoom(context) : nothingRemoved
  return { removed: [...removed, ...room.removed], warnings: [...warnings, ...room.warnings] }
}

/** Of what is removed, oldest first. */
function pathsOf(store: StoreLayout, plan: readonly RetentionDecision[]): string[] {
  return plan.filter(({ keep }) => !keep).map(({ name }) => join(store.directory, name))
}

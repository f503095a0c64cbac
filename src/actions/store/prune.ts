import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { OperationError } from '../../errors.ts'
import {
  type Candidate,
  type RetentionDecision,
  type RetentionPolicy,
  countManyRemoved,
  planRetention,
} from '../../retention/plan.ts'
import {
  type Catalog,
  type Snapshot,
  findSnapshot,
  isSafety,
  readCatalog,
} from '../../store/catalog.ts'
import { readUnacceptedChanges } from '../../store/changes.ts'
import { futureSnapshots, pastSnapshots } from '../../store/future.ts'
import { misnamedSnapshots } from '../../store/misnamed.ts'
import { type StoreLayout, recordFileName } from '../../store/layout.ts'
import type { RecordWarning } from '../../store/record.ts'
import { readRestoreJournal } from '../../store/restore-journal.ts'
import { discardPrelinked } from '../../store/prelinked.ts'
import { moveToTrash } from '../../store/trash.ts'
import { findClockJump, noteClock, warnOfJump } from '../clock-jump.ts'
import { type ActionContext, type StoreConfig, asWriter } from '../context.ts'
import { emitWarnings } from '../events.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { codesOf, logged } from '../log-act.ts'

/** What retention needs to know of the configuration. */
type RetentionConfig = Pick<StoreConfig, 'maxSnapshots' | 'keep' | 'timeZone'>

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

/** What retention decides about, oldest first, and by which rules. */
export function findCandidates(
  store: StoreLayout,
  catalog: Catalog,
  { maxSnapshots, keep, timeZone }: RetentionConfig,
  now: Date,
): { candidates: Candidate[]; policy: RetentionPolicy } {
  const candidates = pastSnapshots(catalog, now).map((snapshot) => ({
    name: snapshot.name,
    time: snapshot.time,
    volumes: snapshot.record.volumes.map(({ id }) => ({ id, flagged: isFlagged(snapshot, id) })),
    pinned: snapshot.record.pinned,
    safety: isSafety(snapshot),
  }))
  const kept = new Map([
    ...misnamedSnapshots(catalog, now).map(
      ({ snapshot, after }) =>
        [snapshot.name, `taken after ${after.name}, whatever their names say`] as const,
    ),
    ...snapshotsBeforeChanges(store, catalog, candidates),
    ...(keep === undefined ? [] : snapshotsAhead(candidates, now)),
    ...snapshotsOfLastRestore(store, catalog),
  ])
  const policy = { maxSnapshots, keep: keep && { ...keep, timeZone }, protected: kept }
  return { candidates, policy }
}

function keptBy(jump: string, decision: RetentionDecision): RetentionDecision {
  return decision.keep ? decision : { ...decision, keep: true, reason: jump }
}

const longestAheadMs = 3_600_000

/** A rule of hours and days can say nothing of a snapshot whose time is not yet. */
function snapshotsAhead(candidates: readonly Candidate[], now: Date): [string, string][] {
  return candidates
    .filter(({ time }) => time.getTime() - now.getTime() > longestAheadMs)
    .map(({ name }) => [name, 'more than an hour ahead of the clock'])
}

/** Those of a volume that is another one now, until somebody says that this is right. */
function snapshotsBeforeChanges(
  store: StoreLayout,
  catalog: Catalog,
  candidates: readonly Candidate[],
): Map<string, string> {
  return new Map(
    readUnacceptedChanges(store).flatMap(({ id, lastBefore }) => {
      const last = nameNow(catalog, lastBefore)
      return candidates
        .filter(({ name, volumes }) => name <= last && volumes.some((one) => one.id === id))
        .map(({ name }) => [name, `${id} is another one since, and nobody accepted that`] as const)
    }),
  )
}

/** A warning that names no volume may be of any. */
function isFlagged({ record }: Snapshot, id: string): boolean {
  return record.warnings.some(({ volume = id }) => volume === id)
}

/**
 * A restore under way needs its snapshot; the way back from the last one stays open until the next.
 */
function snapshotsOfLastRestore(store: StoreLayout, catalog: Catalog): Map<string, string> {
  const journal = readRestoreJournal(store)
  const inUse = new Map<string, string>()
  if (journal === undefined) return inUse
  if (journal.safety !== null) {
    inUse.set(nameNow(catalog, journal.safety), 'what the last restore replaced (restore --undo)')
  }

  if (journal.finishedAt === null) {
    inUse.set(nameNow(catalog, journal.snapshot), 'a restore of it is not finished')
  }

  return inUse
}

/** That of a snapshot that was renamed since it was noted. */
function nameNow(catalog: Catalog, name: string): string {
  return findSnapshot(catalog, name)?.name ?? name
}

/** What `prune` would do now. */
export function planNow({ store, config, clock }: ActionContext): RetentionDecision[] {
  const now = clock.now()
  return planPrune(store, config, now, findClockJump(store, now))
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
    const warnings = jump === undefined ? [] : [warnOfJump(jump)]
    emitWarnings(context.emit, warnings)
    return { plan, warnings }
  })
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

export interface AppliedRetention {
  /** The names. */
  removed: string[]
  warnings: RecordWarning[]
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

  return { removed, warnings }
}

/** Of what is removed, oldest first. */
function pathsOf(store: StoreLayout, plan: readonly RetentionDecision[]): string[] {
  return plan.filter(({ keep }) => !keep).map(({ name }) => join(store.directory, name))
}

/** Tells of those that are gone, and returns their names. */
function tellRemoved({ store, emit }: ActionContext, plan: readonly RetentionDecision[]): string[] {
  const removals = plan.filter(
    ({ keep, name }) => !keep && !existsSync(join(store.directory, name, recordFileName)),
  )
  for (const { name, reason } of removals) emit({ type: 'removed', name, reason })
  return removals.map(({ name }) => name)
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Candidate, type RetentionDecision, planRetention } from '../../retention/plan.ts'
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
  { maxSnapshots, keep, timeZone }: RetentionConfig,
  now: Date,
  jump?: string,
  next?: Candidate,
): RetentionDecision[] {
  const catalog = readCatalog(store)
  const there = pastSnapshots(catalog, now).map((snapshot) => ({
    name: snapshot.name,
    time: snapshot.time,
    volumes: snapshot.record.volumes.map(({ id }) => ({ id, flagged: isFlagged(snapshot, id) })),
    pinned: snapshot.record.pinned,
    safety: isSafety(snapshot),
  }))
  const candidates = next === undefined ? there : [...there, next]
  const kept = new Map([
    ...misnamedSnapshots(catalog, now).map(
      ({ snapshot, after }) =>
        [snapshot.name, `taken after ${after.name}, whatever their names say`] as const,
    ),
    ...snapshotsBeforeChanges(store, catalog, candidates),
    ...(keep === undefined ? [] : snapshotsAhead(candidates, now)),
    ...snapshotsOfLastRestore(store, catalog),
  ])
  const plan = planRetention(candidates, {
    maxSnapshots,
    keep: keep && { ...keep, timeZone },
    protected: kept,
  })

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
export function planNow({ store, config, clock }: ActionContext): PruneResult {
  const now = clock.now()
  const jump = findClockJump(store, now)
  return { plan: planPrune(store, config, now, jump), warnings: [] }
}

export interface PruneResult {
  /** What it acted on. */
  plan: RetentionDecision[]
  warnings: RecordWarning[]
}

/** Removes what retention does not keep, as the only writer. */
export async function prune(context: ActionContext): Promise<PruneResult> {
  return logged(
    context,
    { act: 'prune' },
    async () => pruneAsWriter(context),
    ({ plan, warnings }) => {
      const removed = plan.filter(({ keep }) => !keep).map(({ name }) => name)
      return { removed, warnings: codesOf(warnings) }
    },
  )
}

async function pruneAsWriter(context: ActionContext): Promise<PruneResult> {
  return asWriter(context, 'prune', async () => {
    const { store, config, clock } = context
    const now = clock.now()
    const jump = findClockJump(store, now)

    const plan = planPrune(store, config, now, jump)
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
    for (const warning of warnings) context.emit({ type: 'warning', ...warning })
    return { plan, warnings }
  })
}

/**
 * The same as the last step of another action, where the clock may have taken a `jump`; returns the
 * names removed.
 */
export async function applyRetention(
  context: ActionContext,
  jump: string | undefined,
): Promise<string[]> {
  const { store, config, clock } = context
  const plan = planPrune(store, config, clock.now(), jump)
  let removed: string[] = []
  try {
    await moveToTrash(store, pathsOf(store, plan))
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
    ({ keep, name }) => !keep && !existsSync(join(store.directory, name, recordFileName)),
  )
  for (const { name, reason } of removals) emit({ type: 'removed', name, reason })
  return removals.map(({ name }) => name)
}

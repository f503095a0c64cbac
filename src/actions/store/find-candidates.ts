import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Candidate, RetentionDecision, RetentionPolicy } from '../../retention/plan.ts'
import { type Catalog, type Snapshot, findSnapshot, isAside } from '../../store/catalog.ts'
import { readUnacceptedChanges } from '../../store/changes.ts'
import { pastSnapshots } from '../../store/future.ts'
import { snapshotsOfClones } from '../../store/clones.ts'
import { misnamedSnapshots } from '../../store/misnamed.ts'
import { type StoreLayout, recordFileName } from '../../store/layout.ts'
import { readVerifyState } from '../../store/verify-state.ts'
import { proofOf } from '../../store/record.ts'
import { readRestoreJournal } from '../../store/restore-journal.ts'
import type { ActionContext, StoreConfig } from '../context.ts'

/** What retention needs to know of the configuration. */
export type RetentionConfig = Pick<StoreConfig, 'maxSnapshots' | 'keep' | 'timeZone'>

/** What retention decides about, oldest first, and by which rules. */
export function findCandidates(
  store: StoreLayout,
  catalog: Catalog,
  { maxSnapshots, keep, timeZone }: RetentionConfig,
  now: Date,
): { candidates: Candidate[]; policy: RetentionPolicy } {
  const { damaged } = readVerifyState(store)
  const candidates = pastSnapshots(catalog, now).map((snapshot) => ({
    name: snapshot.name,
    time: snapshot.time,
    volumes: snapshot.record.volumes.map(({ id }) => ({
      id,
      flagged:
        isFlagged(snapshot, id) ||
        snapshot.name in damaged ||
        proofOf(snapshot.record) === 'failed',
    })),
    proved: proofOf(snapshot.record) === 'proved',
    pinned: snapshot.record.pinned,
    safety: isAside(snapshot),
  }))
  const kept = new Map([
    ...misnamedSnapshots(catalog, now).map(
      ({ snapshot, after }) =>
        [snapshot.name, `taken after ${after.name}, whatever their names say`] as const,
    ),
    ...snapshotsBeforeChanges(store, catalog, candidates),
    ...(keep === undefined ? [] : snapshotsAhead(candidates, now)),
    ...snapshotsOfLastRestore(store, catalog),
    ...snapshotsOfClones(store),
  ])
  const policy = { maxSnapshots, keep: keep && { ...keep, timeZone }, protected: kept }
  return { candidates, policy }
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

/** Tells of those that are gone, and returns their names. */
export function tellRemoved(
  { store, emit }: ActionContext,
  plan: readonly RetentionDecision[],
): string[] {
  const removals = plan.filter(
    ({ keep, name }) => !keep && !existsSync(join(store.directory, name, recordFileName)),
  )
  for (const { name, reason } of removals) emit({ type: 'removed', name, reason })
  return removals.map(({ name }) => name)
}

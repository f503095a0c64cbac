import { statfsSync } from 'node:fs'
import { OperationError, messageOf } from '../../errors.ts'
import {
  type Snapshot,
  describeDamage,
  isAside,
  readCatalog,
  wayOutOfDamage,
} from '../../store/catalog.ts'
import { describeChange, readUnacceptedChanges } from '../../store/changes.ts'
import {
  type FrozenMark,
  describeFrozen,
  didNotComeBack,
  readConsumerJournal,
} from '../../store/consumer-journal.ts'
import { pastSnapshots, warnOfFuture } from '../../store/future.ts'
import { type Heartbeat, findHeartbeat } from '../../store/heartbeat.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { warnOfMisnamed } from '../../store/misnamed.ts'
import { findHolder } from '../../store/lock.ts'
import {
  type RestoreJournal,
  explainInterruptedRestore,
  readRestoreJournal,
} from '../../store/restore-journal.ts'
import { noRuns, readRunState } from '../../store/run-state.ts'
import { readSavedConfig } from '../../store/saved-config.ts'
import { readNextRun } from '../../store/schedule-state.ts'
import { proofOf } from '../../store/record.ts'
import { type VerifyState, readVerifyState } from '../../store/verify-state.ts'
import { counted } from '../../system/counted.ts'
import { noFiles } from '../check-source.ts'
import type { ActionContext } from '../context.ts'
import { withCommands } from './count-commands.ts'
import {
  type Condition,
  type Health,
  type HealthFinding,
  type HealthThresholds,
  type Space,
  judgeHealth,
} from './health.ts'
import { hasFailed, longestLookMs } from '../consumers/ran-before.ts'

/** What `status` tells; the same document is its JSON form. */
export interface StatusDescription extends Condition {
  health: Health
  /** What comparing stored files with what they were has found. */
  verified: VerifyState
  /** Of the snapshot that servers were started on last. */
  lastProof: { snapshot: string; at: string; outcome: 'proved' | 'failed' } | null
  /** Without those of the future. */
  snapshots: { count: number; oldest: string | null; newest: string | null }
}

/** Throws OperationError when the store cannot be read. */
export async function describeStatus(
  store: StoreLayout,
  thresholds: HealthThresholds,
  now: Date,
  docker: ActionContext['docker'],
): Promise<StatusDescription> {
  const heartbeat = await findHeartbeat(store, now)
  const condition = await describeCondition(store, heartbeat, now, docker)
  const catalog = readCatalog(store)
  const { damaged } = catalog
  const verified = readVerifyState(store)
  const snapshots = pastSnapshots(catalog, now)
  const future = warnOfFuture(catalog, now)
  if (future !== undefined) {
    condition.problems.push({ level: 'warning', code: 'future', message: future })
  }
  const misnamed = warnOfMisnamed(catalog, now)
  if (misnamed !== undefined) {
    condition.problems.push({ level: 'warning', code: 'misnamed', message: misnamed })
  }
  for (const one of damaged) {
    const message = `${describeDamage(one)}; ${wayOutOfDamage(one)}`
    condition.problems.push({ level: 'warning', code: 'damaged', message })
  }

  const lastProof = findLastProof(snapshots)
  condition.problems.push(...findNothing(snapshots), ...findRot(verified), ...judgeProof(lastProof))
  return {
    ...condition,
    health: judgeHealth(condition, thresholds, now),
    verified,
    lastProof,
    snapshots: {
      count: snapshots.length,
      oldest: snapshots.at(0)?.name ?? null,
      newest: snapshots.at(-1)?.name ?? null,
    },
  }
}

/** Volumes of which the newest snapshot has no file, and that nobody said are so. */
function findNothing(snapshots: readonly Snapshot[]): HealthFinding[] {
  const newest = snapshots.findLast((snapshot) => !isAside(snapshot))
  const empty = newest?.record.warnings.filter(({ code }) => code === noFiles) ?? []

  return empty.map(({ volume, message }) => ({
    level: 'warning',
    code: noFiles,
    message: `volume ${volume}: ${message}`,
  }))
}

function findLastProof(snapshots: readonly Snapshot[]): StatusDescription['lastProof'] {
  const tried = snapshots.flatMap(({ name: snapshot, record }) => {
    const outcome = proofOf(record)
    const at = (record.proofs ?? [])
      .map((proof) => proof.at)
      .toSorted()
      .at(-1)
    return outcome === undefined || at === undefined ? [] : { snapshot, at, outcome }
  })
  return tried.toSorted((one, other) => (one.at < other.at ? -1 : 1)).at(-1) ?? null
}

function judgeProof(proof: StatusDescription['lastProof']): HealthFinding[] {
  if (proof?.outcome !== 'failed') return []
  const message = `a server did not start on a copy of ${proof.snapshot}: see "snap-volume show ${proof.snapshot}"`
  return [{ level: 'warning', code: 'proof-failed', message }]
}

/** Snapshots with files that are not what they were. */
function findRot({ damaged }: VerifyState): HealthFinding[] {
  const names = Object.keys(damaged)
  if (names.length === 0) return []
  const some = names.length > 3 ? `${names.slice(0, 3).join(', ')}, ...` : names.join(', ')
  const message = `files in ${counted(names.length, '{snapshot|snapshots}')} are not what they were (${some}): "snap-volume verify" names them, "snap-volume verify --repair" puts good copies in their place`
  return [{ level: 'warning', code: 'rot', message }]
}

/**
 * The part that costs the same however many snapshots there are; `heartbeat` is undefined when no
 * daemon runs.
 */
export async function describeCondition(
  store: StoreLayout,
  heartbeat: Heartbeat | undefined,
  now: Date,
  docker: ActionContext['docker'],
): Promise<Condition> {
  const problems: HealthFinding[] = []
  const orProblem = <T>(
    level: HealthFinding['level'],
    code: string,
    read: () => T,
  ): T | undefined => {
    try {
      return read()
    } catch (error) {
      problems.push({ level, code, message: messageOf(error) })
      return undefined
    }
  }

  const writer = await findHolder(store.lock)
  orProblem('critical', 'config', () => readSavedConfig(store))

  const restored = orProblem('critical', 'journal', () => readRestoreJournal(store))
  if (restored?.finishedAt === null && writer === undefined) {
    const message = explainInterruptedRestore(restored).message
    problems.push({ level: 'critical', code: 'restore-interrupted', message })
  }

  const notResumed = await findAsleep(store, now, docker)
  problems.push(...notResumed)
  // a restore that is under way starts them itself
  if (notResumed.length === 0 && writer === undefined) {
    problems.push(...(await findFailed(restored, docker)))
  }

  const changes = orProblem('critical', 'changes', () => readUnacceptedChanges(store)) ?? []
  for (const change of changes) {
    problems.push({ level: 'critical', code: 'other-data', message: describeChange(change) })
  }

  // what the daemon keeps for itself is no one else's
  const state = orProblem('warning', 'runs', () => readRunState(store)) ?? noRuns
  const nextRun = readNextRun(store)
  const {
    begun: _,
    told: __,
    ...runs
  } = orProblem('warning', 'acts', () => withCommands(store, state, nextRun, now)) ?? state

  return {
    ...runs,
    daemon: { running: heartbeat !== undefined, startedAt: heartbeat?.startedAt ?? null },
    run: heartbeat?.running ?? null,
    writer: writer ?? null,
    nextRun: nextRun?.toISOString() ?? null,
    space: readSpace(store),
    problems,
  }
}

/** For so long a journal whose writer lives is one of a snapshot that is being taken. */
const longestQuietMs = 600_000

async function findAsleep(
  store: StoreLayout,
  now: Date,
  docker: ActionContext['docker'],
): Promise<HealthFinding[]> {
  try {
    const journal = readConsumerJournal(store)
    if (journal === undefined) return []

    const frozen: HealthFinding[] = []
    for (const { id, name, frozen: mark } of journal.consumers) {
      if (mark === undefined || (await wasStartedSince(docker, id, mark))) continue
      const message = describeFrozen(name, mark)
      frozen.push({ level: 'critical', code: 'consumer-frozen', message })
    }

    const others = journal.consumers.filter((consumer) => consumer.frozen === undefined)
    // one of the future is of a clock that was set back since
    const isYoung = Math.abs(now.getTime() - Date.parse(journal.startedAt)) < longestQuietMs
    if (isYoung && (await findHolder(store.consumerLock)) !== undefined) return frozen
    if (others.length === 0) return frozen

    const names = others.map(({ name }) => name).join(', ')
    const message =
      journal.purpose === didNotComeBack
        ? `containers that ran before are stopped since ${journal.startedAt} and do not come back (${names}): see "docker logs", then "docker start" them, or go back with "snap-volume restore --undo"`
        : `containers have been paused or stopped since ${journal.startedAt} (${names}): look at them with "docker ps -a", then "docker unpause" or "docker start" them`
    return [...frozen, { level: 'critical', code: 'consumer-not-resumed', message }]
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return [{ level: 'critical', code: 'journal', message: error.message }]
  }
}

/** Whether a container that was frozen has been started again; false where nobody can tell. */
async function wasStartedSince(
  docker: ActionContext['docker'],
  id: string,
  { startedAt }: FrozenMark,
): Promise<boolean> {
  try {
    const { client } = await docker()
    if (client === undefined || startedAt === undefined) return false
    return (await client.inspect(id, longestLookMs))?.startedAt !== startedAt
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return false
  }
}

/**
 * Those of the last restore that came back, and ended by themselves since. Where the Docker API is
 * not, nobody knows.
 */
async function findFailed(
  restored: RestoreJournal | undefined,
  docker: ActionContext['docker'],
): Promise<HealthFinding[]> {
  const { consumers = [], snapshot, finishedAt = null } = restored ?? {}
  if (consumers.length === 0 || finishedAt === null) return []
  const restoredAt = new Date(finishedAt)
  try {
    const { client } = await docker()
    if (client === undefined) return []
    const failed = await Promise.all(
      consumers.map(async ({ id }) => hasFailed(client, id, restoredAt)),
    )
    const names = consumers.filter((_, index) => failed[index]).map(({ name }) => name)
    if (names.length === 0) return []

    const message = `containers that were started after the restore of ${snapshot} have failed (${names.join(', ')}): see "docker logs", then "docker start" them, or go back with "snap-volume restore --undo"`
    return [{ level: 'critical', code: 'consumer-failed', message }]
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return []
  }
}

function readSpace({ directory }: StoreLayout): Space {
  const { bsize, bavail, blocks, ffree, files } = statfsSync(directory)
  return {
    freeBytes: bavail * bsize,
    totalBytes: blocks * bsize,
    freeInodes: ffree,
    totalInodes: files,
  }
}

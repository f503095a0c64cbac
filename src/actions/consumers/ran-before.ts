import type { DockerClient } from '../../docker/client.ts'
import type { ContainerState } from '../../docker/describe-container.ts'
import type { Consumer } from '../../docker/consumers.ts'
import { isUp } from '../../docker/quiesce-plan.ts'
import { readConsumerJournal } from '../../store/consumer-journal.ts'
import type { RecordWarning } from '../../store/record.ts'
import type { RestoreJournal } from '../../store/restore-journal.ts'
import type { ActionContext } from '../context.ts'
import type { Hold, RanBefore } from './hold.ts'

/** Exit codes of a program that was told to end: well, or by SIGINT, SIGKILL and SIGTERM. */
const codesOfStopped = [0, 130, 137, 143]

/**
 * Whoever fails within this time after a restore has failed because of it; later, it may have been
 * stopped by its owner.
 */
const soonMs = 600_000

/**
 * Whoever ends well after a shorter run was not stopped: a wrapper of a program that failed ends
 * so.
 */
const shortestRunMs = 5000

/** Whoever asks for the status waits no longer for an Engine that hangs. */
export const longestLookMs = 3000

/**
 * Who has to run after this restore because it ran before an earlier one. An undo goes back to that
 * time, and so does what follows a restore that was cut off. After any other, who is stopped may
 * have been stopped by its owner.
 */
export function whoRanBefore(
  journal: RestoreJournal | undefined,
  isUndo: boolean,
): RanBefore | undefined {
  if (journal?.consumers === undefined) return undefined
  const { consumers, finishedAt } = journal
  const restoredAt = isUndo || finishedAt === null ? undefined : new Date(finishedAt)
  return { consumers, restoredAt }
}

/** Those of `consumers` that ran before an earlier restore, do not run now, and are started. */
export async function findEndedSince(
  client: DockerClient,
  ranBefore: RanBefore | undefined,
  consumers: readonly Consumer[],
): Promise<Consumer[]> {
  const down = listDown(ranBefore, consumers)
  const restoredAt = ranBefore?.restoredAt
  if (restoredAt === undefined) return down
  const states = await Promise.all(down.map(async ({ id }) => client.inspect(id)))
  return down.filter((_, index) => endedByItself(states[index], restoredAt))
}

function listDown(ranBefore: RanBefore | undefined, consumers: readonly Consumer[]): Consumer[] {
  const ids = new Set(ranBefore?.consumers.map(({ id }) => id))
  return consumers.filter((consumer) => ids.has(consumer.id) && !isUp(consumer))
}

/** Whether a container ended without being stopped by anybody, as far as one can tell. */
function endedByItself(state: ContainerState | undefined, restoredAt: Date): boolean {
  if (state === undefined || state.running) return false
  const ranMs = Date.parse(state.finishedAt) - Date.parse(state.startedAt)
  return ranMs < shortestRunMs || failedSoon(state, restoredAt)
}

function failedSoon(state: ContainerState, restoredAt: Date): boolean {
  const isFailure = state.isOutOfMemory || !codesOfStopped.includes(state.exitCode)
  return isFailure && Date.parse(state.finishedAt) < restoredAt.getTime() + soonMs
}

/** Whether a container failed soon after a restore. */
export async function hasFailed(
  client: DockerClient,
  id: string,
  restoredAt: Date,
): Promise<boolean> {
  const state = await client.inspect(id, longestLookMs)
  return state !== undefined && !state.running && failedSoon(state, restoredAt)
}

/**
 * Tells of those that ran before an earlier restore, and are left stopped by this one; to be called
 * while all are held.
 */
export function warnOfLeftStopped(
  { found, stopped }: Hold,
  ranBefore: RanBefore | undefined,
): RecordWarning[] {
  return listDown(ranBefore, found.consumers)
    .filter(({ id }) => !stopped.some((one) => one.id === id))
    .map(({ name }) => ({
      code: 'consumer-not-resumed',
      message: `the container ${name} ran before an earlier restore and was stopped since, so it is left stopped: run "docker start ${name}" if it should run`,
    }))
}

type ToRun = NonNullable<RestoreJournal['consumers']>

/**
 * Who has to run when a restore is done, for the next one: also those that nobody could ask now.
 */
export function containersToRunAfter(
  context: Pick<ActionContext, 'store'>,
  hold: Hold,
  ranBefore: RanBefore | undefined,
): ToRun {
  const known = hold.client === undefined ? listUnasked(context, ranBefore) : hold.stopped
  return known.map(({ id, name }) => ({ id, name }))
}

/** Tells whom to start where there is no Docker API. */
export function warnOfUnasked(
  context: Pick<ActionContext, 'store'>,
  { client }: Hold,
  ranBefore: RanBefore | undefined,
): RecordWarning[] {
  if (client !== undefined) return []
  return listUnasked(context, ranBefore).map(({ name }) => ({
    code: 'consumer-not-resumed',
    message: `the container ${name} ran before the restore, and nobody can say here whether it does now: run "docker start ${name}"`,
  }))
}

/** Those that ran before, or are known not to have come back; nobody can say which of them run. */
function listUnasked(
  { store }: Pick<ActionContext, 'store'>,
  ranBefore: RanBefore | undefined,
): ToRun {
  const before = ranBefore?.consumers ?? []
  const left = (readConsumerJournal(store)?.consumers ?? []).filter(
    ({ id, action }) => action === 'stop' && !before.some((one) => one.id === id),
  )
  return [...before, ...left]
}

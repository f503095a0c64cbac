import type { DockerClient } from '../docker/client.ts'
import type { Consumer } from '../docker/consumers.ts'
import { isUp } from '../docker/quiesce-plan.ts'
import { readConsumerJournal } from '../store/consumer-journal.ts'
import type { RecordWarning } from '../store/record.ts'
import type { RestoreJournal } from '../store/restore-journal.ts'
import type { ActionContext } from './context.ts'
import type { Hold, RanBefore } from './hold.ts'

/** Exit codes of a program that was told to end: well, or by SIGINT, SIGKILL and SIGTERM. */
const codesOfStopped = [0, 130, 137, 143]

/**
 * Who has to run after this restore because it ran before an earlier one. An undo goes back to that time, and so does what follows a
 * restore that was cut off. After any other, who is stopped may have been stopped by its owner.
 */
export function whoRanBefore(
  journal: RestoreJournal | undefined,
  isUndo: boolean,
): RanBefore | undefined {
  if (journal?.consumers === undefined) return undefined
  const includesStopped = isUndo || journal.finishedAt === null
  return { consumers: journal.consumers, includesStopped }
}

/** Those of `consumers` that ran before an earlier restore, and do not run now. */
export async function findEndedSince(
  client: DockerClient,
  ranBefore: RanBefore | undefined,
  consumers: readonly Consumer[],
): Promise<Consumer[]> {
  if (ranBefore === undefined) return []
  const ids = new Set(ranBefore.consumers.map(({ id }) => id))
  const down = consumers.filter((consumer) => ids.has(consumer.id) && !isUp(consumer))
  if (ranBefore.includesStopped) return down
  const ended = await Promise.all(down.map(async ({ id }) => hasFailed(client, id)))
  return down.filter((_, index) => ended[index])
}

/** Whether a container ended by itself, and not well. */
export async function hasFailed(client: DockerClient, id: string): Promise<boolean> {
  const state = await client.inspect(id)
  return state !== undefined && !state.running && !codesOfStopped.includes(state.exitCode)
}

type ToRun = NonNullable<RestoreJournal['consumers']>

/** Who has to run when a restore is done, for the next one: also those that nobody could ask now. */
export function listToRun(
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
    code: 'consumer-asleep',
    message: `the container ${name} ran before the restore, and nobody can say here whether it does now: run "docker start ${name}"`,
  }))
}

/** Those that have to run: all where that time comes back, else those that are known not to have come back. */
function listUnasked(
  { store }: Pick<ActionContext, 'store'>,
  ranBefore: RanBefore | undefined,
): ToRun {
  if (ranBefore?.includesStopped === true) return [...ranBefore.consumers]
  const left = readConsumerJournal(store)?.consumers ?? []
  return left.filter(({ action }) => action === 'stop')
}

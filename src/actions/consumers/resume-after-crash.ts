import type { DockerClient } from '../../docker/client.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { OperationError } from '../../errors.ts'
import {
  type ConsumerJournal,
  type JournaledConsumer,
  commandFor,
  didNotComeBack,
  hasConsumerJournal,
  readConsumerJournal,
} from '../../store/consumer-journal.ts'
import type { ActionContext } from '../context.ts'
import { listConsumers } from './find-consumers.ts'
import { keepInJournal, withoutClockStep } from './held-journal.ts'
import { lockToResume } from './lock-consumers.ts'
import { findEnded, resumeConsumers } from './resume.ts'

/**
 * Resumes containers that a killed process left paused or stopped. A live process holds the
 * consumers' lock, and then nothing is done. If that process is itself resuming containers, this
 * one waits for it. Only containers that mount our volumes are touched, because anybody may have
 * written the journal. With `leavesStopped`, a restore follows. Stopped containers of an earlier
 * restore then stay stopped, because the new restore starts them.
 */
export async function resumeAfterCrash(
  context: Pick<ActionContext, 'store' | 'clock' | 'emit' | 'docker' | 'inImage'>,
  volumes: readonly VolumeSpec[],
  { leavesStopped = false } = {},
): Promise<void> {
  const { store, emit, docker } = context
  if (!hasConsumerJournal(store)) return

  const warn = (message: string): void =>
    emit({ type: 'warning', code: 'consumer-not-resumed', message })

  try {
    const lock = await lockToResume(store)
    if (lock === undefined) return

    try {
      const journal = readConsumerJournal(store)
      if (journal === undefined) return
      const { client, missing } = await docker()
      if (client === undefined) {
        warn(`${missing}, and ${describeLeft(journal.consumers)}`)
        return
      }

      await resumeOurs(context, client, volumes, { journal, leavesStopped, warn })
    } finally {
      lock.release()
    }
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    warn(`containers may still be paused or stopped (${store.consumerJournal}): ${error.message}`)
  }
}

interface LeftBehind {
  journal: ConsumerJournal
  /** Whether those that a restore stopped stay so. */
  leavesStopped: boolean
  warn: (message: string) => void
}

/** Resumes the consumers of the journal that mount the volumes; what is not resumed stays in it. */
async function resumeOurs(
  context: Pick<ActionContext, 'store' | 'clock' | 'emit' | 'inImage'>,
  client: DockerClient,
  volumes: readonly VolumeSpec[],
  { journal, leavesStopped, warn }: LeftBehind,
): Promise<void> {
  const listed = await listConsumers(client, volumes, context.inImage)
  const known = new Set(listed.map(({ id }) => id))
  const restartableIds = new Set(
    listed.filter(({ policy }) => policy.onFrozen === 'restart').map(({ id }) => id),
  )

  const foreign: JournaledConsumer[] = []
  for (const stranger of journal.consumers.filter(({ id }) => !known.has(id))) {
    if ((await client.inspect(stranger.id)) === undefined) continue
    foreign.push(stranger)
    warn(
      `the container ${stranger.name} is listed in ${context.store.consumerJournal} and mounts none of the volumes, so it was not resumed: look at it, then remove that file`,
    )
  }

  const ours = journal.consumers
    .filter(({ id }) => known.has(id))
    .map((consumer) => withoutClockStep(journal, consumer, context.clock.now()))
  const isOfRestore = ['restore', didNotComeBack].includes(journal.purpose)
  const isLeft = ({ action }: JournaledConsumer): boolean =>
    leavesStopped && isOfRestore && action === 'stop'
  const notTouched = [...ours.filter(isLeft), ...foreign]
  for (const { name } of ours.filter(isLeft)) {
    warn(`the container ${name} is still stopped by an earlier command; this restore starts it`)
  }
  const toResume = ours.filter((consumer) => !isLeft(consumer))
  const notResumed = await resumeConsumers(context, client, toResume, restartableIds)
  const resumed = toResume.filter(({ id }) => !notResumed.some((one) => one.id === id))
  keepInJournal(context, [...notResumed, ...notTouched])

  // a container that exits right after its start has not come back
  const ended = await findEnded(context, client, resumed)
  if (ended.length > 0) keepInJournal(context, [...notResumed, ...ended, ...notTouched])
}

function describeLeft(consumers: readonly JournaledConsumer[]): string {
  const commands = consumers.map((consumer) => `"${commandFor(consumer)}"`)
  return `containers were left paused or stopped by a process that was killed: run ${commands.join(' and ')}, then remove the journal, or run any snap-volume command where the Docker API is reachable`
}

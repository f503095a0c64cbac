import type { VolumeSpec } from '../../config/volume-spec.ts'
import { OperationError } from '../../errors.ts'
import {
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
 * Resumes those whom a process that was killed left paused or stopped. Nothing where the process
 * that did it still lives: it holds the consumers' lock. Only containers that mount our volumes are
 * touched, whoever wrote the journal. Where `leavesStopped` says that a restore follows, those that
 * one before it stopped are left so: it starts them on other data.
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

      const listed = await listConsumers(client, volumes, context.inImage)
      const known = new Set(listed.map(({ id }) => id))
      const mayRestart = listed.filter(({ policy }) => policy.onFrozen === 'restart')
      const restartable = new Set(mayRestart.map(({ id }) => id))

      const strangers: JournaledConsumer[] = []
      for (const stranger of journal.consumers.filter(({ id }) => !known.has(id))) {
        if ((await client.inspect(stranger.id)) === undefined) continue
        strangers.push(stranger)
        warn(
          `the container ${stranger.name} is in ${store.consumerJournal} and does not mount the volumes, so it is left alone: look at it, then remove that file`,
        )
      }

      const ours = journal.consumers
        .filter(({ id }) => known.has(id))
        .map((consumer) => withoutClockStep(journal, consumer, context.clock.now()))
      const isOfRestore = ['restore', didNotComeBack].includes(journal.purpose)
      const isLeft = ({ action }: JournaledConsumer): boolean =>
        leavesStopped && isOfRestore && action === 'stop'
      const left = [...ours.filter(isLeft), ...strangers]
      for (const { name } of ours.filter(isLeft)) {
        warn(`the container ${name} is stopped since an earlier restore; a restore starts it`)
      }
      const resumed = ours.filter((consumer) => !isLeft(consumer))
      const notResumed = await resumeConsumers(context, client, resumed, restartable)
      const started = resumed.filter(({ id }) => !notResumed.some((one) => one.id === id))
      keepInJournal(context, [...notResumed, ...left])

      const ended = await findEnded(context, client, started)
      if (ended.length > 0) keepInJournal(context, [...notResumed, ...ended, ...left])
    } finally {
      lock.release()
    }
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    warn(`containers may still be paused or stopped (${store.consumerJournal}): ${error.message}`)
  }
}

function describeLeft(consumers: readonly JournaledConsumer[]): string {
  const commands = consumers.map((consumer) => `"${commandFor(consumer)}"`)
  return `containers were left paused or stopped by a process that was killed: run ${commands.join(' and ')}, then remove the journal, or run a command of this program where the API is`
}

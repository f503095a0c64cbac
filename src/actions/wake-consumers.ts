import type { VolumeSpec } from '../config/volume-spec.ts'
import type { DockerClient } from '../docker/client.ts'
import { BusyError, OperationError, messageOf } from '../errors.ts'
import {
  type JournaledConsumer,
  hasConsumerJournal,
  readConsumerJournal,
  removeConsumerJournal,
  writeConsumerJournal,
} from '../store/consumer-journal.ts'
import type { StoreLayout } from '../store/layout.ts'
import { acquireLock } from '../store/lock.ts'
import type { ActionContext } from './context.ts'
import { listConsumers } from './find-consumers.ts'

const attempts = 3
const betweenAttemptsMs = 1000

/**
 * Lets consumers go on that this program paused or stopped, in reverse order, and says so. Never throws: who does not come back stays in
 * the journal, is told of, and tried again by the next command and by the daemon. Not ended by a signal.
 * Returns those that did not come back.
 */
export async function wakeConsumers(
  context: Pick<ActionContext, 'clock' | 'emit'>,
  client: DockerClient,
  consumers: readonly JournaledConsumer[],
): Promise<JournaledConsumer[]> {
  const paused = consumers.filter(({ action }) => action === 'pause')
  const stopped = consumers.filter(({ action }) => action === 'stop').toReversed()
  const asleep: JournaledConsumer[] = []
  const wake = async (consumer: JournaledConsumer): Promise<void> => {
    if (!(await wakeOne(context, client, consumer))) asleep.push(consumer)
  }
  // paused ones hold connections of others
  await Promise.all(paused.map(wake))
  for (const consumer of stopped) await wake(consumer)
  return asleep
}

async function wakeOne(
  { clock, emit }: Pick<ActionContext, 'clock' | 'emit'>,
  client: DockerClient,
  consumer: JournaledConsumer,
): Promise<boolean> {
  const { id, name, action } = consumer
  let problem = ''
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    try {
      const before = await client.inspect(id)
      if (before === undefined) return true
      if (action === 'pause' ? !before.paused : before.running) return true
      await (action === 'pause' ? client.unpause(id) : client.start(id))
      const after = await client.inspect(id)
      if (after === undefined || !after.paused) {
        if (action === 'pause' || after?.running === true) {
          emit({ type: 'consumer', name, state: action === 'pause' ? 'unpaused' : 'started' })
          return true
        }
      }
      problem = 'it ended again at once, see its log'
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      problem = error.message
    }
    if (attempt < attempts) await clock.sleep(betweenAttemptsMs)
  }
  emit({
    type: 'warning',
    code: 'consumer-asleep',
    message: `the container ${name} is still ${action === 'pause' ? 'paused' : 'stopped'}: ${problem}; run "docker ${wordFor(action)} ${name}"; every command of this program tries it again`,
  })
  return false
}

/**
 * Keeps those in the journal who did not come back. When it cannot be written it stays as it was: nobody is forgotten, and
 * waking twice does nothing.
 */
export function keepInJournal(
  { store, clock, emit }: Pick<ActionContext, 'store' | 'clock' | 'emit'>,
  asleep: readonly JournaledConsumer[],
): void {
  try {
    if (asleep.length === 0) removeConsumerJournal(store)
    else {
      writeConsumerJournal(store, {
        schema: 1,
        purpose: 'did not come back',
        startedAt: clock.now().toISOString(),
        consumers: [...asleep],
      })
    }
  } catch (error) {
    emit({
      type: 'warning',
      code: 'journal',
      message: `the journal of paused and stopped containers cannot be written: ${messageOf(error)}`,
    })
  }
}

/**
 * Wakes those whom a process that was killed left paused or stopped. Nothing where the process that did it still lives: it holds
 * the consumers' lock. Only containers that mount our volumes are touched, whoever wrote the journal.
 */
export async function wakeLeftConsumers(
  context: Pick<ActionContext, 'store' | 'clock' | 'emit' | 'docker'>,
  volumes: readonly VolumeSpec[],
): Promise<void> {
  const { store, emit, docker } = context
  if (!hasConsumerJournal(store)) return
  const warn = (message: string): void =>
    emit({ type: 'warning', code: 'consumer-asleep', message })
  try {
    const lock = await lockConsumers(store, 'waking containers')
    if (lock === undefined) return
    try {
      const journal = readConsumerJournal(store)
      if (journal === undefined) return
      const { client, missing } = await docker()
      if (client === undefined) {
        warn(`${missing}, and ${describeLeft(journal.consumers)}`)
        return
      }
      const known = new Set((await listConsumers(client, volumes)).map(({ id }) => id))
      const strangers: JournaledConsumer[] = []
      for (const stranger of journal.consumers.filter(({ id }) => !known.has(id))) {
        if ((await client.inspect(stranger.id)) === undefined) continue
        strangers.push(stranger)
        warn(
          `the container ${stranger.name} is in ${store.consumerJournal} and does not mount the volumes, so it is left alone: look at it, then remove that file`,
        )
      }
      const ours = journal.consumers.filter(({ id }) => known.has(id))
      keepInJournal(context, [...(await wakeConsumers(context, client, ours)), ...strangers])
    } finally {
      lock.release()
    }
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    warn(`containers may still be paused or stopped (${store.consumerJournal}): ${error.message}`)
  }
}

/** Undefined while another process has consumers paused or stopped. */
export async function lockConsumers(store: StoreLayout, purpose: string) {
  try {
    return await acquireLock(store.consumerLock, { timeoutMs: 0, purpose })
  } catch (error) {
    if (error instanceof BusyError) return undefined
    throw error
  }
}

function describeLeft(consumers: readonly JournaledConsumer[]): string {
  const commands = consumers.map(({ name, action }) => `"docker ${wordFor(action)} ${name}"`)
  return `containers were left paused or stopped by a process that was killed: run ${commands.join(' and ')}, then remove the journal, or run a command of this program where the API is`
}

function wordFor(action: JournaledConsumer['action']): string {
  return action === 'pause' ? 'unpause' : 'start'
}

import type { DockerClient } from '../../docker/client.ts'
import { OperationError } from '../../errors.ts'
import {
  type FrozenMark,
  type JournaledConsumer,
  commandFor,
  describeFrozen,
} from '../../store/consumer-journal.ts'
import type { ActionContext } from '../context.ts'
import { findFrozen } from './find-frozen.ts'

const attempts = 3
const betweenAttemptsMs = 1000
const betweenLooksMs = 250
/** Who runs so long after a start has not ended at once. */
const steadyMs = 1000

type Resuming = Pick<ActionContext, 'clock' | 'emit'>

/**
 * Lets consumers go on that this program paused or stopped, in reverse order, and says so. Never
 * throws: who does not come back stays in the journal, is told of, and tried again by the next
 * command and by the daemon. Not ended by a signal. Whoever is frozen, because a pause failed, is
 * restarted if it is one of `restartable`. Returns those that did not come back, with what was
 * found of them.
 */
export async function resumeConsumers(
  context: Resuming,
  client: DockerClient,
  consumers: readonly JournaledConsumer[],
  restartable: ReadonlySet<string>,
): Promise<JournaledConsumer[]> {
  const paused = consumers.filter(({ action }) => action === 'pause')
  const stopped = consumers.filter(({ action }) => action === 'stop').toReversed()
  const notResumed: JournaledConsumer[] = []
  const resumeAndNote = async (consumer: JournaledConsumer): Promise<void> => {
    const left = await resumeOne(context, client, consumer, restartable.has(consumer.id))
    if (left !== undefined) notResumed.push(left)
  }

  // paused ones hold connections of others
  await Promise.all(paused.map(resumeAndNote))
  for (const consumer of stopped) await resumeAndNote(consumer)
  return notResumed
}

/** It did not come back, because it is frozen. */
class FrozenError extends OperationError {
  readonly mark: FrozenMark

  constructor(frozen: FrozenMark) {
    super('it is frozen')
    this.mark = frozen
  }
}

/** Undefined when it goes on. */
async function resumeOne(
  context: Resuming,
  client: DockerClient,
  consumer: JournaledConsumer,
  mayRestart: boolean,
): Promise<JournaledConsumer | undefined> {
  let problem = ''
  let left = consumer
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    try {
      await letGoOn(context, client, left)
      return undefined
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      if (error instanceof FrozenError) left = { ...left, frozen: error.mark }
      problem = error.message
    }
    if (attempt < attempts) await context.clock.sleep(betweenAttemptsMs)
  }

  if (left.frozen === undefined) tellNotResumed(context, left, problem)
  else if (mayRestart && (await restartFrozen(context, client, left))) return undefined
  else tellFrozen(context, left.name, left.frozen)

  return left
}

/** False when the Engine does not do it. */
async function restartFrozen(
  { emit }: Resuming,
  client: DockerClient,
  { id, name }: JournaledConsumer,
): Promise<boolean> {
  try {
    await client.restart(id)
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    const message = `the container ${name} could not be restarted: ${error.message}`
    emit({ type: 'warning', code: 'consumer-frozen', message })
    return false
  }

  emit({ type: 'consumer', name, state: 'restarted' })
  const message = `the container ${name} was left frozen by a pause that failed, and was restarted, as its label snap-volume.on-frozen says`
  emit({ type: 'warning', code: 'consumer-restarted', message })
  return true
}

/**
 * Throws OperationError when the API does not do it, FrozenError when the container is frozen
 * nevertheless.
 */
async function letGoOn(
  context: Resuming,
  client: DockerClient,
  consumer: JournaledConsumer,
): Promise<void> {
  const { clock, emit } = context
  const { id, name, action, settledBy, frozen } = consumer
  // nobody was asked, so whatever it does is not for us to change
  if (settledBy === undefined && frozen === undefined) return

  let isAsleep = await readAsleep(client, id, action)
  while (isAsleep === false) {
    // what was asked for before this process may still be done
    const isSettled = settledBy === undefined || clock.now().getTime() >= Date.parse(settledBy)
    if (isSettled) {
      await assertNotFrozen(context, client, consumer)
      return
    }
    await clock.sleep(betweenLooksMs)
    isAsleep = await readAsleep(client, id, action)
  }

  await (action === 'pause' ? client.unpause(id) : client.start(id))
  // where nobody may look, it may never have been paused
  if (isAsleep === undefined) await assertNotFrozen(context, client, consumer)
  emit({ type: 'consumer', name, state: action === 'pause' ? 'unpaused' : 'started' })
}

/**
 * A pause that failed may have left one frozen that runs in the eyes of the Engine, whoever asked
 * for it lives or not.
 */
async function assertNotFrozen(
  { clock }: Resuming,
  client: DockerClient,
  { id, action, frozen }: JournaledConsumer,
): Promise<void> {
  if (action === 'stop' && frozen === undefined) return
  const found = await findFrozen(client, clock, id, frozen)
  if (found === undefined) return

  try {
    // Docker takes that for done, because it did not pause it; another Engine may do more
    await client.unpause(id)
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
  }

  throw new FrozenError(found)
}

/** Undefined where nobody may look: then asking it to go on does no harm. False when it is gone. */
async function readAsleep(
  client: DockerClient,
  id: string,
  action: JournaledConsumer['action'],
): Promise<boolean | undefined> {
  try {
    const state = await client.inspect(id)
    if (state === undefined) return false
    return action === 'pause' ? state.paused : !state.running
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return undefined
  }
}

/**
 * Tells of those of `resumed` that ended meanwhile or soon; returns those that were started for
 * nothing.
 */
export async function findEnded(
  context: Resuming,
  client: DockerClient,
  resumed: readonly JournaledConsumer[],
): Promise<JournaledConsumer[]> {
  const ended: JournaledConsumer[] = []
  const asked = resumed.filter(({ settledBy }) => settledBy !== undefined)
  if (asked.some(({ action }) => action === 'stop')) await context.clock.sleep(steadyMs)

  for (const consumer of asked) {
    try {
      const state = await client.inspect(consumer.id)
      if (state === undefined || (state.running && !state.restarting)) continue
      if (consumer.action === 'stop' && !state.restarting && state.exitCode === 0) {
        const message = `the container ${consumer.name} was started again and has ended with exit code 0: its work is taken for done`
        context.emit({ type: 'warning', code: 'consumer-ended', message })
        continue
      }
      if (consumer.action === 'stop') {
        tellNotResumed(context, consumer, `it ended again, see "docker logs ${consumer.name}"`)
        ended.push(consumer)
        continue
      }

      const message = `the container ${consumer.name} has ended since it was paused: see "docker logs ${consumer.name}"`
      context.emit({ type: 'warning', code: 'consumer-ended', message })
    } catch (error) {
      // where nobody may look, starting it has to be enough
      if (!(error instanceof OperationError)) throw error
    }
  }

  return ended
}

function tellNotResumed({ emit }: Resuming, consumer: JournaledConsumer, problem: string): void {
  const { name, action } = consumer
  const state = action === 'pause' ? 'paused' : 'stopped'
  const message = `the container ${name} is still ${state}: ${problem}; run "${commandFor(consumer)}"; every command of this program tries it again`
  emit({ type: 'warning', code: 'consumer-not-resumed', message })
}

function tellFrozen({ emit }: Resuming, name: string, frozen: FrozenMark): void {
  emit({ type: 'warning', code: 'consumer-frozen', message: describeFrozen(name, frozen) })
}

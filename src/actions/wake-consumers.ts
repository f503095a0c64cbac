import type { DockerClient } from '../docker/client.ts'
import { OperationError, messageOf } from '../errors.ts'
import {
  type ConsumerJournal,
  type JournaledConsumer,
  didNotComeBack,
  readConsumerJournal,
  removeConsumerJournal,
  writeConsumerJournal,
} from '../store/consumer-journal.ts'
import type { ActionContext } from './context.ts'

const attempts = 3
const betweenAttemptsMs = 1000
const betweenLooksMs = 250
/** Who runs so long after a start has not ended at once. */
const steadyMs = 1000

type Waking = Pick<ActionContext, 'clock' | 'emit'>

/**
 * Lets consumers go on that this program paused or stopped, in reverse order, and says so. Never throws: who does not come back stays in
 * the journal, is told of, and tried again by the next command and by the daemon. Not ended by a signal.
 * Returns those that did not come back.
 */
export async function wakeConsumers(
  context: Waking,
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
  context: Waking,
  client: DockerClient,
  consumer: JournaledConsumer,
): Promise<boolean> {
  let problem = ''
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    try {
      await letGoOn(context, client, consumer)
      return true
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      problem = error.message
    }
    if (attempt < attempts) await context.clock.sleep(betweenAttemptsMs)
  }
  tellAsleep(context, consumer, problem)
  return false
}

/** Throws OperationError when the API does not do it. */
async function letGoOn(
  { clock, emit }: Waking,
  client: DockerClient,
  { id, name, action, settledBy }: JournaledConsumer,
): Promise<void> {
  // nobody was asked, so whatever it does is not for us to change
  if (settledBy === undefined) return
  for (;;) {
    const isAsleep = await readAsleep(client, id, action)
    if (isAsleep === undefined || isAsleep) break
    // what was asked for before this process may still be done
    if (clock.now().getTime() >= Date.parse(settledBy)) return
    await clock.sleep(betweenLooksMs)
  }
  await (action === 'pause' ? client.unpause(id) : client.start(id))
  emit({ type: 'consumer', name, state: action === 'pause' ? 'unpaused' : 'started' })
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

/** Tells of those of `awake` that ended meanwhile or soon; returns those that were started for nothing. */
export async function findEnded(
  context: Waking,
  client: DockerClient,
  awake: readonly JournaledConsumer[],
): Promise<JournaledConsumer[]> {
  const ended: JournaledConsumer[] = []
  const asked = awake.filter(({ settledBy }) => settledBy !== undefined)
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
        tellAsleep(context, consumer, `it ended again, see "docker logs ${consumer.name}"`)
        ended.push(consumer)
        continue
      }
      const message = `the container ${consumer.name} ended while it was paused: see "docker logs ${consumer.name}"`
      context.emit({ type: 'warning', code: 'consumer-ended', message })
    } catch (error) {
      // where nobody may look, starting it has to be enough
      if (!(error instanceof OperationError)) throw error
    }
  }
  return ended
}

function tellAsleep({ emit }: Waking, { name, action }: JournaledConsumer, problem: string): void {
  const state = action === 'pause' ? 'paused' : 'stopped'
  const message = `the container ${name} is still ${state}: ${problem}; run "docker ${wordFor(action)} ${name}"; every command of this program tries it again`
  emit({ type: 'warning', code: 'consumer-asleep', message })
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
      const before = readConsumerJournal(store)
      const since = before?.purpose === didNotComeBack ? before.startedAt : undefined
      writeConsumerJournal(store, {
        schema: 1,
        purpose: didNotComeBack,
        startedAt: since ?? clock.now().toISOString(),
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

/** A clock that is behind the one that the journal was written by is not waited for: only what the Engine had asked for then. */
export function withoutClockStep(
  { startedAt }: ConsumerJournal,
  consumer: JournaledConsumer,
  now: Date,
): JournaledConsumer {
  if (consumer.settledBy === undefined) return consumer
  const settledMs = Date.parse(consumer.settledBy)
  const longestMs = Math.max(0, settledMs - Date.parse(startedAt))
  const settledBy = new Date(Math.min(settledMs, now.getTime() + longestMs)).toISOString()
  return { ...consumer, settledBy }
}

/** What docker(1) is told to let one go on. */
export function wordFor(action: JournaledConsumer['action']): string {
  return action === 'pause' ? 'unpause' : 'start'
}

import type { DockerClient } from '../../docker/client.ts'
import type { Consumer } from '../../docker/consumers.ts'
import { type QuiesceStep, compareStopOrder } from '../../docker/quiesce-plan.ts'
import { OperationError, messageOf, throwIfInterrupted } from '../../errors.ts'
import {
  type JournaledConsumer,
  readConsumerJournal,
  writeConsumerJournal,
} from '../../store/consumer-journal.ts'
import type { Lock } from '../../store/lock.ts'
import type { RecordWarning } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'
import { findLeftFrozen } from './find-frozen.ts'
import { lockConsumers } from './lock-consumers.ts'
import { findEnded, keepInJournal, wakeConsumers, withoutClockStep } from './resume.ts'

/**
 * Whoever wakes a consumer that does not come back has the lock for a while; of a frozen one runc
 * says so after ten seconds, three times.
 */
const lockTimeoutMs = 45_000

/**
 * The Engine freezes a container at once, and ends one when its grace is over; some time more for a
 * busy machine.
 */
const settleMs = { pause: 2000, stop: 5000 } as const

/** So long a pause is asked for again that the kernel refuses. */
const longestPauseMs = 10_000

/**
 * runc(8)'s words on cgroup v1 where a process of the container waits for the disk, which cannot be
 * frozen then: it lets go of the others after a third of a second. On cgroup v2 it tries for ten
 * seconds by itself, and lets go of nobody.
 */
const cannotFreeze = /unable to freeze/

/** A consumer that is paused or stopped. */
export interface HeldConsumer {
  consumer: Consumer
  action: QuiesceStep['action']
  /** By the clock of performance.now(). */
  sinceMs: number
}

export interface QuiesceRequest {
  steps: readonly QuiesceStep[]
  /** Those that do not run, and are started when the others are. */
  toStart: readonly Pick<Consumer, 'id' | 'name'>[]
  /** Those that mount the data, by id: no others are touched, whoever wrote the journal. */
  known: ReadonlyMap<string, Consumer>
}

/**
 * Pauses and stops consumers, and lets them go on again; who is held is in the journal before the
 * act.
 */
export interface Quiescence {
  readonly held: readonly HeldConsumer[]
  /** Names of those that could not be held, which `warn` was told of. */
  readonly failed: readonly string[]
  /** When the first of them was asked, and when all had been woken; undefined before. */
  readonly beganMs: number | undefined
  readonly endedMs: number | undefined
  /**
   * Whom `end` wakes, or has woken: those it asked to stop, those left by others, and those it is
   * to start.
   */
  readonly toWake: readonly JournaledConsumer[]
  /**
   * Throws InterruptedError when the process is asked to stop, and what the journal throws; then
   * `end` is still due.
   */
  begin(client: DockerClient, request: QuiesceRequest): Promise<void>
  end(client: DockerClient): Promise<void>
  /** Notes that one cannot be held, without trying. */
  giveUp(step: QuiesceStep, why: string): void
}

export function createQuiescence(
  context: ActionContext,
  purpose: string,
  warn: (warning: RecordWarning) => void,
): Quiescence {
  const { store, clock, emit, signal } = context
  const held: HeldConsumer[] = []
  const failed: string[] = []
  let lock: Lock | undefined
  let isJournaled = false
  let journaled: JournaledConsumer[] = []
  let strangers: JournaledConsumer[] = []
  let notBack: JournaledConsumer[] = []
  let beganMs: number | undefined
  let endedMs: number | undefined

  const restartable = new Set<string>()

  async function stopOne(client: DockerClient, id: string): Promise<boolean> {
    const state = await client.inspect(id)
    if (state?.isRemovedAtEnd === true) {
      throw new OperationError('it would be gone, because it was started with --rm')
    }
    if (state !== undefined && state.stopGraceMs === undefined) {
      throw new OperationError('it has all the time it wants to end (--stop-timeout -1)')
    }
    const graceMs = state?.stopGraceMs ?? 0
    announce([id], graceMs + settleMs.stop)
    return client.stop(id, graceMs)
  }

  /** Again and again while processes of it wait for the disk. */
  async function pauseOne(client: DockerClient, id: string): Promise<boolean> {
    const giveUpMs = performance.now() + longestPauseMs
    for (;;) {
      try {
        return await client.pause(id)
      } catch (error) {
        const isOver = performance.now() > giveUpMs || signal?.aborted === true
        if (isOver || !cannotFreeze.test(messageOf(error))) {
          await noteFrozen(client, id, messageOf(error))
          throw error
        }
      }
      announce([id], settleMs.pause)
    }
  }

  /** A container that does not run is in the journal until it does. */
  async function noteFrozen(client: DockerClient, id: string, problem: string): Promise<void> {
    const frozen = await findLeftFrozen(client, clock, id, problem)
    if (frozen === undefined) return
    change([id], (one) => ({ ...one, frozen }))
    for (const { name } of journaled.filter((one) => one.id === id)) {
      emit({ type: 'consumer', name, state: 'frozen' })
    }
  }

  /** Before the act, and to the disk. */
  function announce(ids: readonly string[], settledInMs: number): void {
    const settledBy = new Date(clock.now().getTime() + settledInMs).toISOString()
    change(ids, (one) => ({ ...one, settledBy }))
  }

  function change(
    ids: readonly string[],
    changed: (one: JournaledConsumer) => JournaledConsumer,
  ): void {
    journaled = journaled.map((one) => (ids.includes(one.id) ? changed(one) : one))
    isJournaled = true
    writeConsumerJournal(store, {
      schema: 1,
      purpose,
      startedAt: clock.now().toISOString(),
      consumers: [...strangers, ...journaled],
    })
  }

  async function holdOne(step: QuiesceStep, act: (id: string) => Promise<boolean>): Promise<void> {
    const { consumer, action } = step
    const { id, name } = consumer
    const sinceMs = performance.now()
    beganMs ??= sinceMs
    try {
      if (await act(id)) {
        // whoever can be paused or stopped now is not frozen any more
        for (const one of journaled) if (one.id === id) delete one.frozen
        held.push({ consumer, action, sinceMs })
        emit({ type: 'consumer', name, state: action === 'pause' ? 'paused' : 'stopped' })
        return
      }
      // somebody else did, or it ended: then it is not for us to wake
      journaled = journaled.filter((one) => one.id !== id)
      giveUp(step, 'it is not as it was a moment ago')
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      giveUp(step, messageOf(error))
    }
  }

  function giveUp({ consumer: { name }, action }: QuiesceStep, why: string): void {
    failed.push(name)
    const word = action === 'pause' ? 'paused' : 'stopped'
    const message = `the container ${name} could not be ${word}: ${why}`
    warn({ code: 'consumer-not-held', message })
  }

  return {
    held,
    failed,
    get beganMs() {
      return beganMs
    },
    get endedMs() {
      return endedMs
    },
    get toWake() {
      return journaled.filter(({ id }) => !notBack.some((one) => one.id === id))
    },
    giveUp,
    async begin(client, { steps, toStart, known }) {
      lock = await lockConsumers(store, purpose, lockTimeoutMs)
      if (lock === undefined) {
        throw new OperationError('another process has the containers paused or stopped')
      }
      // those who did not come back before are not forgotten
      const journal = readConsumerJournal(store)
      const own: JournaledConsumer[] = [
        ...steps.map(({ consumer: { id, name }, action }) => {
          const frozen = journal?.consumers.find((one) => one.id === id)?.frozen
          return { id, name, action, ...(frozen && { frozen }) }
        }),
        ...toStart.map(({ id, name }) => ({ id, name, action: 'stop' as const })),
      ]
      const left = (journal?.consumers ?? []).filter(({ id }) => !own.some((one) => one.id === id))
      strangers = left.filter(({ id }) => !known.has(id))
      const ours = left.filter(({ id }) => known.has(id))
      const now = clock.now()
      journaled = [
        ...ours.map((one) => (journal === undefined ? one : withoutClockStep(journal, one, now))),
        ...own,
      ].toSorted((one, other) => compareKnown(known, one, other))
      if (journal !== undefined) isJournaled = true
      if (toStart.length > 0) {
        const ids = toStart.map(({ id }) => id)
        announce(ids, 0)
      }
      for (const { id, policy } of known.values()) {
        if (policy.onFrozen === 'restart') restartable.add(id)
      }
      for (const step of steps.filter(({ action }) => action === 'stop')) {
        throwIfInterrupted(signal)
        await holdOne(step, async (id) => stopOne(client, id))
      }
      throwIfInterrupted(signal)
      // last and at once, because paused ones keep others waiting
      const pauses = steps.filter(({ action }) => action === 'pause')
      const ids = pauses.map(({ consumer }) => consumer.id)
      if (ids.length > 0) announce(ids, settleMs.pause)
      await Promise.all(
        pauses.map(async (step) => holdOne(step, async (id) => pauseOne(client, id))),
      )
    },
    async end(client) {
      if (lock === undefined) return
      const waking = { clock, emit: divertWarnings(emit, warn) }
      try {
        const others = journaled.filter((one) => !isFrozen(one))
        const left = await wakeConsumers(waking, client, others, restartable)
        endedMs = performance.now()
        // that may take long, and nobody waits for it who was held
        const stuck = journaled.filter(isFrozen)
        const asleep = [...left, ...(await wakeConsumers(waking, client, stuck, restartable))]
        const started = journaled.filter(({ id }) => !asleep.some((one) => one.id === id))
        // at once: whoever finds them in the journal would wait for what was asked for
        if (isJournaled) keepInJournal(context, [...asleep, ...strangers])
        const ended = await findEnded(waking, client, started)
        notBack = [...asleep, ...ended]
        if (ended.length > 0) keepInJournal(context, [...asleep, ...ended, ...strangers])
      } finally {
        lock.release()
        lock = undefined
      }
    },
  }
}

function isFrozen({ frozen }: JournaledConsumer): boolean {
  return frozen !== undefined
}

/** All of them come back in reverse, those that others left or that are started too. */
function compareKnown(
  known: ReadonlyMap<string, Consumer>,
  one: JournaledConsumer,
  other: JournaledConsumer,
): number {
  const [first, second] = [known.get(one.id), known.get(other.id)]
  return first === undefined || second === undefined ? 0 : compareStopOrder(first, second)
}

/** A warning while consumers are woken belongs into the record too. */
function divertWarnings(
  emit: ActionContext['emit'],
  warn: (warning: RecordWarning) => void,
): ActionContext['emit'] {
  return (event) => {
    if (event.type === 'warning') {
      const { type: _, ...warning } = event
      warn(warning)
    } else emit(event)
  }
}

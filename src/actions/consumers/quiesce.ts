import type { DockerClient } from '../../docker/client.ts'
import type { Consumer } from '../../docker/consumers.ts'
import type { QuiesceStep } from '../../docker/quiesce-plan.ts'
import { OperationError, messageOf, throwIfInterrupted } from '../../errors.ts'
import type { JournaledConsumer } from '../../store/consumer-journal.ts'
import type { Lock } from '../../store/lock.ts'
import type { RecordWarning } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'
import { findLeftFrozen } from './find-frozen.ts'
import { HeldJournal, type QuiesceRequest } from './held-journal.ts'
import { lockConsumers } from './lock-consumers.ts'
import { findEnded, resumeConsumers } from './resume.ts'

/**
 * Whoever resumes a consumer that does not come back has the lock for a while; of a frozen one runc
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

/**
 * Pauses and stops consumers, and lets them go on again; who is held is in the journal before the
 * act.
 */
export class Quiescence {
  readonly #context: ActionContext
  readonly #purpose: string
  readonly #warn: (warning: RecordWarning) => void
  readonly #journal: HeldJournal
  readonly #held: HeldConsumer[] = []
  readonly #failed: string[] = []
  /** Ids of those that may be restarted where they are frozen. */
  readonly #restartable = new Set<string>()
  #lock: Lock | undefined
  #notBack: readonly JournaledConsumer[] = []
  #beganMs: number | undefined
  #endedMs: number | undefined

  constructor(context: ActionContext, purpose: string, warn: (warning: RecordWarning) => void) {
    this.#context = context
    this.#purpose = purpose
    this.#warn = warn
    this.#journal = new HeldJournal(context, purpose)
  }

  get held(): readonly HeldConsumer[] {
    return this.#held
  }

  /** Names of those that could not be held, which `warn` was told of. */
  get failed(): readonly string[] {
    return this.#failed
  }

  /** When the first of them was asked; undefined before. */
  get beganMs(): number | undefined {
    return this.#beganMs
  }

  /** When all had been resumed; undefined before. */
  get endedMs(): number | undefined {
    return this.#endedMs
  }

  /**
   * Whom `end` resumes, or has resumed: those it asked to stop, those left by others, and those it
   * is to start.
   */
  get toResume(): readonly JournaledConsumer[] {
    return this.#journal.consumers.filter(({ id }) => !this.#notBack.some((one) => one.id === id))
  }

  /**
   * Throws InterruptedError when the process is asked to stop, and what the journal throws; then
   * `end` is still due.
   */
  async begin(client: DockerClient, request: QuiesceRequest): Promise<void> {
    const { store, signal } = this.#context
    this.#lock = await lockConsumers(store, this.#purpose, lockTimeoutMs)
    if (this.#lock === undefined) {
      throw new OperationError('another process has the containers paused or stopped')
    }

    const { steps, toStart, known } = request
    this.#journal.open(request)

    if (toStart.length > 0) {
      const ids = toStart.map(({ id }) => id)
      this.#journal.announce(ids, 0)
    }

    for (const { id, policy } of known.values()) {
      if (policy.onFrozen === 'restart') this.#restartable.add(id)
    }

    for (const step of steps.filter(({ action }) => action === 'stop')) {
      throwIfInterrupted(signal)
      await this.#hold(step, async (id) => this.#stop(client, id))
    }

    throwIfInterrupted(signal)
    // last and at once, because paused ones keep others waiting
    const pauses = steps.filter(({ action }) => action === 'pause')
    const ids = pauses.map(({ consumer }) => consumer.id)
    if (ids.length > 0) this.#journal.announce(ids, settleMs.pause)

    await Promise.all(
      pauses.map(async (step) => this.#hold(step, async (id) => this.#pause(client, id))),
    )
  }

  async end(client: DockerClient): Promise<void> {
    if (this.#lock === undefined) return
    try {
      await this.#resume(client)
    } finally {
      this.#lock.release()
      this.#lock = undefined
    }
  }

  /** Notes that one cannot be held, without trying. */
  giveUp({ consumer: { name }, action }: QuiesceStep, why: string): void {
    this.#failed.push(name)
    const word = action === 'pause' ? 'paused' : 'stopped'
    const message = `the container ${name} could not be ${word}: ${why}`
    this.#warn({ code: 'consumer-not-held', message })
  }

  async #hold(step: QuiesceStep, act: (id: string) => Promise<boolean>): Promise<void> {
    const { consumer, action } = step
    const { id, name } = consumer
    const sinceMs = performance.now()
    this.#beganMs ??= sinceMs

    try {
      if (await act(id)) {
        this.#journal.clearFrozen(id)
        this.#held.push({ consumer, action, sinceMs })
        const state = action === 'pause' ? 'paused' : 'stopped'
        this.#context.emit({ type: 'consumer', name, state })
        return
      }

      // somebody else did, or it ended: then it is not for us to resume
      this.#journal.forget(id)
      this.giveUp(step, 'it is not as it was a moment ago')
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      this.giveUp(step, messageOf(error))
    }
  }

  async #stop(client: DockerClient, id: string): Promise<boolean> {
    const state = await client.inspect(id)
    if (state?.isRemovedAtEnd === true) {
      throw new OperationError('it would be gone, because it was started with --rm')
    }
    if (state !== undefined && state.stopGraceMs === undefined) {
      throw new OperationError('it has all the time it wants to end (--stop-timeout -1)')
    }

    const graceMs = state?.stopGraceMs ?? 0
    this.#journal.announce([id], graceMs + settleMs.stop)
    return client.stop(id, graceMs)
  }

  /** Again and again while processes of it wait for the disk. */
  async #pause(client: DockerClient, id: string): Promise<boolean> {
    const giveUpMs = performance.now() + longestPauseMs
    for (;;) {
      try {
        return await client.pause(id)
      } catch (error) {
        const isOver = performance.now() > giveUpMs || this.#context.signal?.aborted === true
        if (isOver || !cannotFreeze.test(messageOf(error))) {
          await this.#noteFrozen(client, id, messageOf(error))
          throw error
        }
      }
      this.#journal.announce([id], settleMs.pause)
    }
  }

  async #noteFrozen(client: DockerClient, id: string, problem: string): Promise<void> {
    const frozen = await findLeftFrozen(client, this.#context.clock, id, problem)
    if (frozen !== undefined) this.#journal.noteFrozen(id, frozen)
  }

  async #resume(client: DockerClient): Promise<void> {
    const journal = this.#journal
    const { clock, emit } = this.#context
    const resuming = { clock, emit: divertWarnings(emit, this.#warn) }

    const others = journal.consumers.filter((one) => !isFrozen(one))
    const left = await resumeConsumers(resuming, client, others, this.#restartable)
    this.#endedMs = performance.now()

    // that may take long, and nobody waits for it who was held
    const stuck = journal.consumers.filter(isFrozen)
    const notResumed = [
      ...left,
      ...(await resumeConsumers(resuming, client, stuck, this.#restartable)),
    ]
    const started = journal.consumers.filter(({ id }) => !notResumed.some((one) => one.id === id))

    // at once: whoever finds them in the journal would wait for what was asked for
    journal.close(notResumed)

    const ended = await findEnded(resuming, client, started)
    this.#notBack = [...notResumed, ...ended]
    if (ended.length > 0) journal.keep(this.#notBack)
  }
}

function isFrozen({ frozen }: JournaledConsumer): boolean {
  return frozen !== undefined
}

/** A warning while consumers are resumed belongs into the record too. */
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

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
 * Another process may have the lock while it resumes a frozen consumer: it tries three times, and
 * runc takes ten seconds for each.
 */
const lockTimeoutMs = 45_000

/**
 * After this time the Engine has done what it was asked for, even if the asker died. For a stop,
 * the grace period comes first.
 */
const settleMs = { pause: 2000, stop: 5000 } as const

/** For how long a refused pause is repeated. */
const longestPauseMs = 10_000

/**
 * The error of runc(8) on cgroup v1 when a process waits for the disk and cannot be frozen. runc
 * then thaws the others after a third of a second. On cgroup v2 it retries for ten seconds by
 * itself, and thaws nothing.
 */
const cannotFreeze = /unable to freeze/

/** A consumer that is paused or stopped. */
export interface HeldConsumer {
  consumer: Consumer
  action: QuiesceStep['action']
  /** When the Engine was asked, by performance.now(). */
  sinceMs: number
}

/**
 * Pauses and stops consumers, and resumes them. The journal names a consumer before the Engine is
 * asked. A frozen one was left so by a pause that failed, while Docker calls it running.
 */
export class Quiescence {
  readonly #context: ActionContext
  readonly #purpose: string
  readonly #warn: (warning: RecordWarning) => void
  readonly #journal: HeldJournal
  readonly #held: HeldConsumer[] = []
  readonly #failed: string[] = []
  /** Ids of consumers whose label allows a restart when they are frozen. */
  readonly #restartable = new Set<string>()
  #lock: Lock | undefined
  #notResumed: readonly JournaledConsumer[] = []
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

  /** When the first consumer was asked; undefined before. */
  get beganMs(): number | undefined {
    return this.#beganMs
  }

  /** When all had been resumed; undefined before. */
  get endedMs(): number | undefined {
    return this.#endedMs
  }

  /**
   * Journal entries, but those that did not come back: planned pauses and stops, leftovers of other
   * processes, and containers to start.
   */
  get toResume(): readonly JournaledConsumer[] {
    return this.#journal.consumers.filter(
      ({ id }) => !this.#notResumed.some((one) => one.id === id),
    )
  }

  /**
   * Throws OperationError when another process has the lock; InterruptedError when the process is
   * asked to stop, and what the journal throws: `end` is due then.
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
      this.#journal.journalRequest(ids, 0)
    }

    for (const { id, policy } of known.values()) {
      if (policy.onFrozen === 'restart') this.#restartable.add(id)
    }

    for (const step of steps.filter(({ action }) => action === 'stop')) {
      throwIfInterrupted(signal)
      await this.#hold(step, async (id) => this.#stop(client, id))
    }

    throwIfInterrupted(signal)
    // last and all together, because a paused container blocks its clients
    const pauses = steps.filter(({ action }) => action === 'pause')
    const ids = pauses.map(({ consumer }) => consumer.id)
    if (ids.length > 0) this.#journal.journalRequest(ids, settleMs.pause)

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

  /** Records that a consumer could not be held, and warns. */
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

      // somebody else paused or stopped it, or it ended: then it must not be resumed
      this.#journal.forget(id)
      this.giveUp(step, 'its state changed meanwhile')
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
    this.#journal.journalRequest([id], graceMs + settleMs.stop)
    return client.stop(id, graceMs)
  }

  /** Repeats the pause while a process of the container waits for the disk. */
  async #pause(client: DockerClient, id: string): Promise<boolean> {
    const deadlineMs = performance.now() + longestPauseMs
    for (;;) {
      try {
        return await client.pause(id)
      } catch (error) {
        const isOver = performance.now() > deadlineMs || this.#context.signal?.aborted === true
        if (isOver || !cannotFreeze.test(messageOf(error))) {
          await this.#noteFrozen(client, id, messageOf(error))
          throw error
        }
      }
      this.#journal.journalRequest([id], settleMs.pause)
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
    const notResumedYet = await resumeConsumers(resuming, client, others, this.#restartable)
    this.#endedMs = performance.now()

    // frozen ones last: they may take long, and the others run already
    const frozenOnes = journal.consumers.filter(isFrozen)
    const notResumed = [
      ...notResumedYet,
      ...(await resumeConsumers(resuming, client, frozenOnes, this.#restartable)),
    ]
    const resumed = journal.consumers.filter(({ id }) => !notResumed.some((one) => one.id === id))

    // now: after a crash another process would wait for requests that are undone already
    journal.close(notResumed)

    const ended = await findEnded(resuming, client, resumed)
    this.#notResumed = [...notResumed, ...ended]
    if (ended.length > 0) journal.keep(this.#notResumed)
  }
}

function isFrozen({ frozen }: JournaledConsumer): boolean {
  return frozen !== undefined
}

/** Gives warnings to `warn`, for the record, instead of emitting them. */
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

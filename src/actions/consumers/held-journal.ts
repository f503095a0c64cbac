import type { Consumer } from '../../docker/consumers.ts'
import { type QuiesceStep, compareStopOrder } from '../../docker/quiesce-plan.ts'
import { messageOf } from '../../errors.ts'
import {
  type ConsumerJournal,
  type FrozenMark,
  type JournaledConsumer,
  didNotComeBack,
  readConsumerJournal,
  removeConsumerJournal,
  writeConsumerJournal,
} from '../../store/consumer-journal.ts'
import type { ActionContext } from '../context.ts'

export interface QuiesceRequest {
  steps: readonly QuiesceStep[]
  /** Those that do not run, and are started when the others are. */
  toStart: readonly Pick<Consumer, 'id' | 'name'>[]
  /** Those that mount the data, by id: no others are touched, whoever wrote the journal. */
  known: ReadonlyMap<string, Consumer>
}

/**
 * Those that a hold pauses, stops and starts, as the journal of the store has them: there before
 * the act, and until they run again.
 */
export class HeldJournal {
  readonly #context: Pick<ActionContext, 'store' | 'clock' | 'emit'>
  readonly #purpose: string
  #consumers: readonly JournaledConsumer[] = []
  /** Those of the journal that do not mount the data: they are not touched, and not forgotten. */
  #strangers: readonly JournaledConsumer[] = []
  #isWritten = false

  constructor(context: Pick<ActionContext, 'store' | 'clock' | 'emit'>, purpose: string) {
    this.#context = context
    this.#purpose = purpose
  }

  get consumers(): readonly JournaledConsumer[] {
    return this.#consumers
  }

  /** Begins with those of a request, and with what others left in the journal. */
  open({ steps, toStart, known }: QuiesceRequest): void {
    const { store, clock } = this.#context
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
    this.#strangers = left.filter(({ id }) => !known.has(id))
    const ours = left.filter(({ id }) => known.has(id))

    const now = clock.now()
    this.#consumers = [
      ...ours.map((one) => (journal === undefined ? one : withoutClockStep(journal, one, now))),
      ...own,
    ].toSorted((one, other) => compareKnown(known, one, other))
    if (journal !== undefined) this.#isWritten = true
  }

  /** Before the act, and to the disk. */
  journalRequest(ids: readonly string[], settledInMs: number): void {
    const settledBy = new Date(this.#context.clock.now().getTime() + settledInMs).toISOString()
    this.#change(ids, (one) => ({ ...one, settledBy }))
  }

  /** A container that does not run is in the journal until it does. */
  noteFrozen(id: string, frozen: FrozenMark): void {
    this.#change([id], (one) => ({ ...one, frozen }))
    for (const { name } of this.#consumers.filter((one) => one.id === id)) {
      this.#context.emit({ type: 'consumer', name, state: 'frozen' })
    }
  }

  /** Whoever can be paused or stopped now is not frozen any more. */
  clearFrozen(id: string): void {
    for (const one of this.#consumers) if (one.id === id) delete one.frozen
  }

  forget(id: string): void {
    this.#consumers = this.#consumers.filter((one) => one.id !== id)
  }

  /** Leaves those that have to be resumed yet, where anything was written. */
  close(notResumed: readonly JournaledConsumer[]): void {
    if (this.#isWritten) this.keep(notResumed)
  }

  keep(notResumed: readonly JournaledConsumer[]): void {
    keepInJournal(this.#context, [...notResumed, ...this.#strangers])
  }

  #change(ids: readonly string[], changed: (one: JournaledConsumer) => JournaledConsumer): void {
    const { store, clock } = this.#context
    this.#consumers = this.#consumers.map((one) => (ids.includes(one.id) ? changed(one) : one))
    this.#isWritten = true
    writeConsumerJournal(store, {
      schema: 1,
      purpose: this.#purpose,
      startedAt: clock.now().toISOString(),
      consumers: [...this.#strangers, ...this.#consumers],
    })
  }
}

/** All of them come back in reverse, those that others left or that are started too. */
function compareKnown(
  known: QuiesceRequest['known'],
  one: JournaledConsumer,
  other: JournaledConsumer,
): number {
  const [first, second] = [known.get(one.id), known.get(other.id)]
  return first === undefined || second === undefined ? 0 : compareStopOrder(first, second)
}

/**
 * Keeps those in the journal who did not come back. When it cannot be written it stays as it was:
 * nobody is forgotten, and resuming twice does nothing.
 */
export function keepInJournal(
  { store, clock, emit }: Pick<ActionContext, 'store' | 'clock' | 'emit'>,
  notResumed: readonly JournaledConsumer[],
): void {
  try {
    if (notResumed.length === 0) removeConsumerJournal(store)
    else {
      const before = readConsumerJournal(store)
      const since = before?.purpose === didNotComeBack ? before.startedAt : undefined
      writeConsumerJournal(store, {
        schema: 1,
        purpose: didNotComeBack,
        startedAt: since ?? clock.now().toISOString(),
        consumers: [...notResumed],
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
 * A clock that is behind the one that the journal was written by is not waited for: only what the
 * Engine had asked for then.
 */
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

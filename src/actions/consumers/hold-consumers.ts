import {
  type QuiesceStep,
  findPausedByOthers,
  planQuiesce,
  planRestoreStop,
} from '../../docker/quiesce-plan.ts'
import type { DockerClient } from '../../docker/client.ts'
import type { Consumer } from '../../docker/consumers.ts'
import { OperationError, messageOf, throwIfInterrupted } from '../../errors.ts'
import { hasConsumerJournal } from '../../store/consumer-journal.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import type { ActionContext } from '../context.ts'
import { type FoundConsumers, listConsumers, lookForConsumers } from './find-consumers.ts'
import type { Hold, HoldPurpose, HoldReport } from './hold.ts'
import { Quiescence } from './quiesce.ts'
import { findEndedSince } from './ran-before.ts'
import { Hooks } from './run-hooks.ts'
import { type HeldTime, areQuietAsFound, findLoose, judgeHeldTime } from './stayed-held.ts'

/**
 * What is to be held for a snapshot, or a restore, of `volumes`, as it is now; `begin` looks again.
 * docs/internals/quiescing.md has the steps, and what a crash leaves after each.
 */
export async function planHold(
  context: ActionContext,
  purpose: HoldPurpose,
  volumes: readonly VolumeSpec[],
): Promise<Hold> {
  const found = await lookForConsumers(context, purpose.kind, volumes)
  return new ConsumerHold(context, purpose, volumes, found)
}

class ConsumerHold implements Hold {
  readonly isNeeded: boolean
  readonly #context: ActionContext
  readonly #purpose: HoldPurpose
  readonly #volumes: readonly VolumeSpec[]
  /** Whether consumers are to be held; else they are only looked at. */
  readonly #isAsked: boolean
  readonly #quiescence: Quiescence
  #found: FoundConsumers
  #steps: readonly QuiesceStep[]
  #hooks: Hooks
  #releasing: Promise<void> | undefined
  #isBroken = false
  /** The consumers as they were when the data had been read. */
  #seen: readonly Consumer[] = []

  constructor(
    context: ActionContext,
    purpose: HoldPurpose,
    volumes: readonly VolumeSpec[],
    found: FoundConsumers,
  ) {
    this.#context = context
    this.#purpose = purpose
    this.#volumes = volumes
    this.#found = found
    this.#steps = this.#planSteps()

    this.#hooks = new Hooks(context, found.client, purpose, found.consumers)
    this.isNeeded = this.#steps.length > 0 || this.#hooks.exist
    this.#isAsked = this.isNeeded || purpose.kind === 'restore'
    this.#quiescence = new Quiescence(context, purpose.kind, (warning) =>
      this.#found.warnings.push(warning),
    )
  }

  get client(): DockerClient | undefined {
    return this.#found.client
  }

  get found(): Hold['found'] {
    const { consumers, unknown } = this.#found
    return { consumers, unknown }
  }

  get notHeld(): readonly string[] {
    return this.#quiescence.failed
  }

  get stopped(): Hold['stopped'] {
    return this.#quiescence.toResume.filter(
      ({ action, settledBy }) => action === 'stop' && settledBy !== undefined,
    )
  }

  async begin(): Promise<void> {
    // the first pass may have taken hours
    await this.#look()
    const { client, consumers } = this.#found
    this.#hooks = new Hooks(this.#context, client, this.#purpose, consumers)

    await this.#hooks.runPre()
    throwIfInterrupted(this.#context.signal)
    // so may hooks, and others have come
    if (this.#hooks.exist) await this.#look()

    await this.#holdConsumers()
  }

  async assertStopped(): Promise<void> {
    const { client } = this.#found
    const [loose] = client === undefined ? [] : await this.#findLoose(client)
    if (loose === undefined) return

    throw new OperationError(
      `nothing was restored, because the container ${loose.name} runs, which was stopped, or was not there: somebody has started it;`,
      { fix: 'stop whoever does that first' },
    )
  }

  async release(): Promise<void> {
    this.#releasing ??= this.#letGo()
    return this.#releasing
  }

  async end(error: unknown): Promise<void> {
    await this.#hooks.runPost({ error: error === undefined ? undefined : messageOf(error) })
  }

  report(): HoldReport {
    const { held, beganMs, endedMs } = this.#quiescence
    const msUntilEnd = (sinceMs: number): number => Math.round((endedMs ?? sinceMs) - sinceMs)

    return {
      consistency: this.#isBroken ? 'live' : judgeHeldTime(this.#heldTime()),
      isAsked: this.#isAsked,
      quietMs: beganMs === undefined || endedMs === undefined ? undefined : msUntilEnd(beganMs),
      consumers: held.map(({ consumer: { name }, action, sinceMs }) => {
        return { name, action, ms: msUntilEnd(sinceMs) }
      }),
      hooks: this.#hooks.records,
      warnings: [...this.#found.warnings, ...this.#hooks.warnings],
    }
  }

  async #look(): Promise<void> {
    this.#found = await lookForConsumers(this.#context, this.#purpose.kind, this.#volumes)
    this.#steps = this.#planSteps()
  }

  #planSteps(): QuiesceStep[] {
    const { consumers } = this.#found
    return this.#purpose.kind === 'snapshot'
      ? planQuiesce(consumers, this.#context.config.quiesce)
      : planRestoreStop(consumers)
  }

  async #holdConsumers(): Promise<void> {
    const { client, consumers } = this.#found
    const { kind, ranBefore } = this.#purpose
    if (kind === 'restore') {
      for (const consumer of findPausedByOthers(consumers)) {
        this.#quiescence.giveUp({ consumer, action: 'stop' }, 'somebody else has paused it')
      }
    }

    if (client === undefined) return

    const toStart = await findEndedSince(client, ranBefore, consumers)
    const isRestoreOfSome = kind === 'restore' && (toStart.length > 0 || this.#isLeftByOthers())
    if (this.#steps.length === 0 && !isRestoreOfSome) return

    if (this.#isAsked) await this.#quiesce(client, toStart)
    // all would be copied while they are held
    else this.#giveUpAll('nobody knew of it when this began')
  }

  async #quiesce(client: DockerClient, toStart: readonly Consumer[]): Promise<void> {
    const { config, inImage, signal } = this.#context
    const steps = this.#steps
    try {
      const all = this.#isLeftByOthers() ? await listConsumers(client, config.volumes, inImage) : []
      const known = new Map(
        [...this.#found.consumers, ...all].map((consumer) => [consumer.id, consumer]),
      )
      await this.#quiescence.begin(client, { steps, toStart, known })
    } catch (error) {
      if (!(error instanceof OperationError) || signal?.aborted || steps.length === 0) throw error
      this.#giveUpAll(error.message)
    }
  }

  #isLeftByOthers(): boolean {
    return hasConsumerJournal(this.#context.store)
  }

  /** Gives up those that nothing is done to yet. */
  #giveUpAll(why: string): void {
    for (const step of this.#steps) {
      if (this.#actionOn(step.consumer) === undefined) this.#quiescence.giveUp(step, why)
    }
  }

  /** What is done to one; undefined where nothing is. */
  #actionOn({ id }: Consumer): QuiesceStep['action'] | undefined {
    return this.#quiescence.held.find(({ consumer }) => consumer.id === id)?.action
  }

  async #letGo(): Promise<void> {
    const { client } = this.#found
    try {
      if (client !== undefined && (this.#isAsked || areQuietAsFound(this.#found.consumers))) {
        await this.#checkHeld(client)
      }
    } finally {
      try {
        if (client !== undefined) await this.#quiescence.end(client)
      } finally {
        // now, because whoever is paused cannot end a session
        await this.#hooks.endSessions()
      }
    }
  }

  async #checkHeld(client: DockerClient): Promise<void> {
    try {
      for (const { name } of await this.#findLoose(client)) {
        this.#noteBroken(`the container ${name} ran meanwhile`)
      }
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      this.#noteBroken(`whether others wrote meanwhile is not known: ${error.message}`)
    }
  }

  async #findLoose(client: DockerClient): Promise<Consumer[]> {
    this.#seen = await listConsumers(client, this.#volumes, this.#context.inImage)
    return findLoose(this.#heldTime())
  }

  /** Where nobody was to be held, it is only less than it might have been. */
  #noteBroken(message: string): void {
    this.#isBroken = true
    if (this.#isAsked) this.#found.warnings.push({ code: 'consumer-changed', message })
  }

  #heldTime(): HeldTime {
    return {
      kind: this.#purpose.kind,
      consumers: this.#found.consumers,
      seen: this.#seen,
      actionOn: (consumer) => this.#actionOn(consumer),
      hooks: this.#hooks,
    }
  }
}

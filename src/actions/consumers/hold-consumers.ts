import {
  type QuiesceStep,
  findPausedByOthers,
  heldByOthers,
  mayWrite,
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
import type { Hold, HoldPurpose } from './hold.ts'
import { type HeldConsistency, weakestHolding } from './judge-consistency.ts'
import { createQuiescence } from './quiesce.ts'
import { findEndedSince } from './ran-before.ts'
import { createHooks } from './run-hooks.ts'

/**
 * What is to be held for a snapshot, or a restore, of `volumes`, as it is now; `begin` looks again.
 */
export async function planHold(
  context: ActionContext,
  purpose: HoldPurpose,
  volumes: readonly VolumeSpec[],
): Promise<Hold> {
  const found = await lookForConsumers(context, purpose.kind, volumes)
  return createHold(context, purpose, volumes, found)
}

function createHold(
  context: ActionContext,
  purpose: HoldPurpose,
  volumes: readonly VolumeSpec[],
  found: FoundConsumers,
): Hold {
  const { signal } = context
  const { kind } = purpose
  let { client, consumers, warnings, unknown } = found
  let steps = planSteps()
  let hooks = createHooks(context, client, purpose, consumers)
  const isNeeded = steps.length > 0 || hooks.exist
  const isAsked = isNeeded || kind === 'restore'
  const quiescence = createQuiescence(context, kind, (warning) => warnings.push(warning))
  let releasing: Promise<void> | undefined
  let isBroken = false
  /** The consumers as they were when the data had been read. */
  let seen: readonly Consumer[] = []

  function planSteps(): QuiesceStep[] {
    return kind === 'snapshot'
      ? planQuiesce(consumers, context.config.quiesce)
      : planRestoreStop(consumers)
  }

  async function look(): Promise<void> {
    ;({ client, consumers, warnings, unknown } = await lookForConsumers(context, kind, volumes))
    steps = planSteps()
  }

  async function quiesce(engine: DockerClient, toStart: readonly Consumer[]): Promise<void> {
    try {
      const all = isLeftByOthers()
        ? await listConsumers(engine, context.config.volumes, context.inImage)
        : []
      const known = new Map([...consumers, ...all].map((consumer) => [consumer.id, consumer]))
      await quiescence.begin(engine, { steps, toStart, known })
    } catch (error) {
      if (!(error instanceof OperationError) || signal?.aborted || steps.length === 0) throw error
      for (const step of steps) {
        if (actionOn(step.consumer) === undefined) quiescence.giveUp(step, error.message)
      }
    }
  }

  function isLeftByOthers(): boolean {
    return hasConsumerJournal(context.store)
  }

  /** What is done to one; undefined where nothing is. */
  function actionOn({ id }: Consumer): QuiesceStep['action'] | undefined {
    return quiescence.held.find(({ consumer }) => consumer.id === id)?.action
  }

  /** Those that are not as they were left, or came; what they wrote meanwhile nobody knows. */
  async function findLoose(engine: DockerClient): Promise<Consumer[]> {
    seen = await listConsumers(engine, volumes, context.inImage)
    return seen.filter((consumer) => {
      const action = actionOn(consumer)
      const isAsLeft =
        action === undefined
          ? consumers.some((known) => known.id === consumer.id && mayWrite(known))
          : action === 'pause' && consumer.state === 'paused'
      return !isAsLeft && mayWrite(consumer)
    })
  }

  async function checkHeld(engine: DockerClient): Promise<void> {
    try {
      for (const { name } of await findLoose(engine)) {
        noteBroken(`the container ${name} ran meanwhile`)
      }
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      noteBroken(`whether others wrote meanwhile is not known: ${error.message}`)
    }
  }

  /** Where nobody was to be held, it is only less than it might have been. */
  function noteBroken(message: string): void {
    isBroken = true
    if (isAsked) warnings.push({ code: 'consumer-changed', message })
  }

  /**
   * Whether all who can write were stopped or paused before, so that it matters whether they stayed
   * so.
   */
  function isQuietAsFound(): boolean {
    const writers = consumers.filter(({ writes }) => writes)
    return writers.length > 0 && writers.every((one) => heldByOthers(one) !== undefined)
  }

  function stayedAsFound({ id }: Consumer, found: 'paused' | 'stopped'): boolean {
    const now = seen.find((consumer) => consumer.id === id)
    return now === undefined ? found === 'stopped' : heldByOthers(now) === found
  }

  async function letGo(): Promise<void> {
    try {
      if (client !== undefined && (isAsked || isQuietAsFound())) await checkHeld(client)
    } finally {
      try {
        if (client !== undefined) await quiescence.end(client)
      } finally {
        // now, because whoever is paused cannot end a session
        await hooks.endSessions()
      }
    }
  }

  function holdingOf(consumer: Consumer): HeldConsistency {
    const action = actionOn(consumer)
    if (action !== undefined) return action === 'pause' ? 'paused' : 'stopped'
    const found = heldByOthers(consumer)
    if (found !== undefined && stayedAsFound(consumer, found)) return found
    const isOwnEnough = hooks.ownIsDone && consumer.policy.hooks[`pre-${kind}`] === undefined
    return hooks.done.has(consumer.id) || isOwnEnough ? 'hooked' : 'live'
  }

  return {
    isNeeded,
    get client() {
      return client
    },
    get found() {
      return { consumers, unknown }
    },
    get notHeld() {
      return quiescence.failed
    },
    get stopped() {
      return quiescence.toWake.filter(
        ({ action, settledBy }) => action === 'stop' && settledBy !== undefined,
      )
    },
    async begin() {
      // the first pass may have taken hours
      await look()
      hooks = createHooks(context, client, purpose, consumers)
      await hooks.runPre()
      throwIfInterrupted(signal)
      // so may hooks, and others have come
      if (hooks.exist) await look()
      if (kind === 'restore') {
        for (const consumer of findPausedByOthers(consumers)) {
          quiescence.giveUp({ consumer, action: 'stop' }, 'somebody else has paused it')
        }
      }
      if (client === undefined) return
      const toStart = await findEndedSince(client, purpose.ranBefore, consumers)
      const isRestoreOfSome = kind === 'restore' && (toStart.length > 0 || isLeftByOthers())
      if (steps.length === 0 && !isRestoreOfSome) return
      if (isAsked) await quiesce(client, toStart)
      // all would be copied while they are held
      else for (const step of steps) quiescence.giveUp(step, 'nobody knew of it when this began')
    },
    async assertStopped() {
      const [loose] = client === undefined ? [] : await findLoose(client)
      if (loose === undefined) return
      throw new OperationError(
        `nothing was restored, because the container ${loose.name} runs, which was stopped, or was not there: somebody has started it;`,
        { fix: 'stop whoever does that first' },
      )
    },
    async release() {
      releasing ??= letGo()
      return releasing
    },
    async end(error) {
      await hooks.runPost({ error: error === undefined ? undefined : messageOf(error) })
    },
    report() {
      const { held, beganMs, endedMs } = quiescence
      const msUntilEnd = (sinceMs: number): number => Math.round((endedMs ?? sinceMs) - sinceMs)
      return {
        consistency: isBroken
          ? 'live'
          : weakestHolding(consumers, holdingOf, hooks.ownIsDone ? 'hooked' : 'live'),
        isAsked,
        quietMs: beganMs === undefined || endedMs === undefined ? undefined : msUntilEnd(beganMs),
        consumers: held.map(({ consumer: { name }, action, sinceMs }) => {
          return { name, action, ms: msUntilEnd(sinceMs) }
        }),
        hooks: hooks.records,
        warnings: [...warnings, ...hooks.warnings],
      }
    },
  }
}

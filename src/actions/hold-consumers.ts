import {
  type QuiesceStep,
  findPausedByOthers,
  mayWrite,
  planQuiesce,
  planRestoreStop,
} from '../docker/quiesce-plan.ts'
import type { DockerClient } from '../docker/client.ts'
import type { Consumer } from '../docker/consumers.ts'
import { OperationError, messageOf, throwIfInterrupted } from '../errors.ts'
import type { VolumeSpec } from '../config/volume-spec.ts'
import {
  type JournaledConsumer,
  readConsumerJournal,
  writeConsumerJournal,
} from '../store/consumer-journal.ts'
import type { Lock } from '../store/lock.ts'
import type { QuietConsumer, RecordWarning } from '../store/record.ts'
import type { ActionContext } from './context.ts'
import { type FoundConsumers, listConsumers, lookForConsumers } from './find-consumers.ts'
import type { Hold } from './hold.ts'
import { type HeldConsistency, weakestHolding } from './judge-consistency.ts'
import { createHooks } from './run-hooks.ts'
import { findEnded, keepInJournal, lockConsumers, wakeConsumers } from './wake-consumers.ts'

/** Whoever wakes a consumer that does not come back has the lock for a while. */
const lockTimeoutMs = 15_000

/** The Engine freezes a container at once, and ends one when its grace is over; some time more for a busy machine. */
const settleMs = { pause: 2000, stop: 5000 } as const

/** What is to be held for a snapshot, or a restore, of `volumes`, as it is now; `begin` looks again. */
export async function planHold(
  context: ActionContext,
  kind: 'snapshot' | 'restore',
  volumes: readonly VolumeSpec[],
): Promise<Hold> {
  return createHold(context, kind, volumes, await lookForConsumers(context, kind, volumes))
}

function createHold(
  context: ActionContext,
  kind: 'snapshot' | 'restore',
  volumes: readonly VolumeSpec[],
  found: FoundConsumers,
): Hold {
  const { store, clock, emit, signal } = context
  let { client, consumers, warnings } = found
  let steps = planSteps()
  let hooks = createHooks(context, client, kind, consumers)
  const isNeeded = steps.length > 0 || hooks.exist
  const held: { step: QuiesceStep; sinceMs: number }[] = []
  const quiet: QuietConsumer[] = []
  const failed = new Map<string, string>()
  let lock: Lock | undefined
  let isJournaled = false
  let journaled: JournaledConsumer[] = []
  let releasing: Promise<void> | undefined
  let beganMs: number | undefined
  let endedMs: number | undefined
  let isBroken = false

  function planSteps(): QuiesceStep[] {
    return kind === 'snapshot'
      ? planQuiesce(consumers, context.config.quiesce)
      : planRestoreStop(consumers)
  }

  async function look(): Promise<void> {
    ;({ client, consumers, warnings } = await lookForConsumers(context, kind, volumes))
    steps = planSteps()
  }

  async function quiesce(engine: DockerClient): Promise<void> {
    lock = await lockConsumers(store, kind, lockTimeoutMs)
    if (lock === undefined) {
      throw new OperationError('another process has the containers paused or stopped')
    }
    // those who did not come back before are not forgotten
    const left = readConsumerJournal(store)?.consumers ?? []
    const own = steps.map(({ consumer: { id, name }, action }) => ({ id, name, action }))
    journaled = [...left.filter(({ id }) => !own.some((one) => one.id === id)), ...own]
    for (const step of steps.filter(({ action }) => action === 'stop')) {
      throwIfInterrupted(signal)
      await holdOne(step, async ({ id }) => stopOne(engine, id))
    }
    throwIfInterrupted(signal)
    // last and at once, because paused ones keep others waiting
    const pauses = steps.filter(({ action }) => action === 'pause')
    const ids = pauses.map(({ consumer }) => consumer.id)
    if (ids.length > 0) announceInJournal(ids, settleMs.pause)
    await Promise.all(pauses.map(async (step) => holdOne(step, async ({ id }) => engine.pause(id))))
  }

  async function stopOne(engine: DockerClient, id: string): Promise<boolean> {
    const state = await engine.inspect(id)
    if (state?.isRemovedAtEnd === true) {
      throw new OperationError('it would be gone, because it was started with --rm')
    }
    const graceMs = state?.stopGraceMs ?? 0
    announceInJournal([id], graceMs + settleMs.stop)
    return engine.stop(id, graceMs)
  }

  /** Before the act, and to the disk. */
  function announceInJournal(ids: readonly string[], settledInMs: number): void {
    const settledBy = new Date(clock.now().getTime() + settledInMs).toISOString()
    journaled = journaled.map((one) => (ids.includes(one.id) ? { ...one, settledBy } : one))
    isJournaled = true
    writeConsumerJournal(store, {
      schema: 1,
      purpose: kind,
      startedAt: clock.now().toISOString(),
      consumers: journaled,
    })
  }

  async function holdOne(
    step: QuiesceStep,
    act: (consumer: Consumer) => Promise<boolean>,
  ): Promise<void> {
    const { consumer, action } = step
    const sinceMs = performance.now()
    beganMs ??= sinceMs
    try {
      if (await act(consumer)) {
        held.push({ step, sinceMs })
        emit({
          type: 'consumer',
          name: consumer.name,
          state: action === 'pause' ? 'paused' : 'stopped',
        })
        return
      }
      // somebody else did, or it ended: then it is not for us to wake
      journaled = journaled.filter(({ id }) => id !== consumer.id)
      noteFailed(consumer, action, 'it is not as it was a moment ago')
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      noteFailed(consumer, action, messageOf(error))
    }
  }

  function noteFailed({ id, name }: Consumer, action: QuiesceStep['action'], why: string): void {
    failed.set(id, name)
    const word = action === 'pause' ? 'paused' : 'stopped'
    const message = `the container ${name} could not be ${word}: ${why}`
    warnings.push({ code: 'consumer-not-held', message })
  }

  /** Whether all are as they were left, and nobody came; else nobody knows what was written meanwhile. */
  async function checkHeld(engine: DockerClient): Promise<void> {
    try {
      for (const consumer of await listConsumers(engine, volumes, context.inImage)) {
        const known = consumers.some(({ id }) => id === consumer.id)
        const action = held.find(({ step }) => step.consumer.id === consumer.id)?.step.action
        const isAsLeft =
          action === undefined ? known : action === 'pause' && consumer.state === 'paused'
        if (isAsLeft || !mayWrite(consumer)) continue
        noteBroken(`the container ${consumer.name} ran meanwhile`)
      }
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      noteBroken(`whether others wrote meanwhile is not known: ${error.message}`)
    }
  }

  function noteBroken(message: string): void {
    isBroken = true
    warnings.push({ code: 'consumer-changed', message })
  }

  async function wake(): Promise<void> {
    if (lock === undefined || client === undefined) return
    const waking = { clock, emit: noteWarning(emit, warnings) }
    try {
      const asleep = await wakeConsumers(waking, client, journaled)
      endedMs = performance.now()
      for (const { step, sinceMs } of held) {
        quiet.push({
          name: step.consumer.name,
          action: step.action,
          ms: Math.round(endedMs - sinceMs),
        })
      }
      const started = journaled.filter((consumer) => !asleep.includes(consumer))
      asleep.push(...(await findEnded(waking, client, started)))
      if (isJournaled) keepInJournal(context, asleep)
    } finally {
      lock.release()
      lock = undefined
    }
  }

  async function letGo(): Promise<void> {
    try {
      if (client !== undefined && isNeeded) await checkHeld(client)
      await wake()
    } finally {
      // now, because whoever is paused cannot end a session
      await hooks.endSessions()
    }
  }

  function holdingOf({ id, policy }: Consumer): HeldConsistency {
    const action = held.find(({ step }) => step.consumer.id === id)?.step.action
    if (action !== undefined) return action === 'pause' ? 'paused' : 'stopped'
    const isOwnEnough = hooks.ownIsDone && policy.hooks[`pre-${kind}`] === undefined
    return hooks.done.has(id) || isOwnEnough ? 'hooked' : 'live'
  }

  return {
    isNeeded,
    get client() {
      return client
    },
    get notHeld() {
      return [...failed.values()]
    },
    get stopped() {
      return held.flatMap(({ step: { consumer, action } }) =>
        action === 'stop' ? [{ id: consumer.id, name: consumer.name, action }] : [],
      )
    },
    async begin() {
      // the first pass may have taken hours
      await look()
      hooks = createHooks(context, client, kind, consumers)
      await hooks.runPre()
      throwIfInterrupted(signal)
      // so may hooks, and others have come
      if (hooks.exist) await look()
      if (kind === 'restore') {
        for (const consumer of findPausedByOthers(consumers)) {
          noteFailed(consumer, 'stop', 'somebody else has paused it')
        }
      }
      if (steps.length === 0 || client === undefined) return
      try {
        await quiesce(client)
      } catch (error) {
        if (!(error instanceof OperationError) || signal?.aborted) throw error
        for (const { consumer, action } of steps) {
          if (!held.some(({ step }) => step.consumer.id === consumer.id)) {
            noteFailed(consumer, action, error.message)
          }
        }
      }
    },
    async release() {
      releasing ??= letGo()
      return releasing
    },
    async end(error) {
      await hooks.runPost({ error: error === undefined ? undefined : messageOf(error) })
    },
    report: () => ({
      consistency: isBroken
        ? 'live'
        : weakestHolding(consumers, holdingOf, hooks.ownIsDone ? 'hooked' : 'live'),
      quietMs:
        beganMs === undefined || endedMs === undefined ? undefined : Math.round(endedMs - beganMs),
      consumers: quiet,
      hooks: hooks.records,
      warnings: [...warnings, ...hooks.warnings],
    }),
  }
}

/** A warning while consumers are woken belongs into the record too. */
function noteWarning(
  emit: ActionContext['emit'],
  warnings: RecordWarning[],
): ActionContext['emit'] {
  return (event) => {
    if (event.type === 'warning') {
      const { type: _, ...warning } = event
      warnings.push(warning)
    } else emit(event)
  }
}

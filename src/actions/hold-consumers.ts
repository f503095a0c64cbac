import { type QuiesceStep, planQuiesce, planRestoreStop } from '../docker/quiesce-plan.ts'
import type { DockerClient } from '../docker/client.ts'
import type { Consumer } from '../docker/consumers.ts'
import { OperationError, messageOf } from '../errors.ts'
import type { VolumeSpec } from '../config/volume-spec.ts'
import {
  type JournaledConsumer,
  readConsumerJournal,
  writeConsumerJournal,
} from '../store/consumer-journal.ts'
import type { Lock } from '../store/lock.ts'
import type { QuietConsumer, RecordWarning } from '../store/record.ts'
import type { ActionContext } from './context.ts'
import { type FoundConsumers, lookForConsumers } from './find-consumers.ts'
import type { Hold } from './hold.ts'
import { type HeldConsistency, weakestHolding } from './judge-consistency.ts'
import { type Hooks, createHooks } from './run-hooks.ts'
import { keepInJournal, lockConsumers, wakeConsumers } from './wake-consumers.ts'

/** What is to be held for a snapshot, or a restore, of `volumes`, as it is now; `begin` looks again. */
export async function planHold(
  context: ActionContext,
  kind: 'snapshot' | 'restore',
  volumes: readonly VolumeSpec[],
): Promise<Hold> {
  const plan = async (): Promise<HoldPlan> => {
    const found = await lookForConsumers(context, volumes)
    const { client, consumers } = found
    return {
      ...found,
      steps:
        kind === 'snapshot'
          ? planQuiesce(consumers, context.config.quiesce)
          : planRestoreStop(consumers),
      hooks: createHooks(context, client, kind, consumers),
    }
  }
  return createHold(context, kind, plan, await plan())
}

interface HoldPlan extends FoundConsumers {
  steps: QuiesceStep[]
  hooks: Hooks
}

function createHold(
  context: ActionContext,
  kind: 'snapshot' | 'restore',
  planAgain: () => Promise<HoldPlan>,
  firstPlan: HoldPlan,
): Hold {
  const { store, clock, emit } = context
  let { client, consumers, steps, hooks, warnings } = firstPlan
  const isNeeded = steps.length > 0 || hooks.exist
  const held: { step: QuiesceStep; sinceMs: number }[] = []
  const quiet: QuietConsumer[] = []
  const failed = new Set<string>()
  let lock: Lock | undefined
  let journaled: JournaledConsumer[] = []
  let releasing: Promise<void> | undefined
  let beganMs: number | undefined
  let endedMs: number | undefined

  async function quiesce(engine: DockerClient): Promise<void> {
    lock = await lockConsumers(store, kind)
    if (lock === undefined) {
      throw new OperationError('another process has the containers paused or stopped')
    }
    // those who did not come back before are not forgotten
    const left = readConsumerJournal(store)?.consumers ?? []
    const own = steps.map(({ consumer: { id, name }, action }) => ({ id, name, action }))
    journaled = [...left.filter(({ id }) => !own.some((one) => one.id === id)), ...own]
    writeConsumerJournal(store, {
      schema: 1,
      purpose: kind,
      startedAt: clock.now().toISOString(),
      consumers: journaled,
    })
    for (const step of steps.filter(({ action }) => action === 'stop')) await holdOne(engine, step)
    // last and at once, because paused ones keep others waiting
    await Promise.all(
      steps.filter(({ action }) => action === 'pause').map(async (step) => holdOne(engine, step)),
    )
  }

  async function holdOne(engine: DockerClient, step: QuiesceStep): Promise<void> {
    const { consumer, action } = step
    const sinceMs = performance.now()
    beganMs ??= sinceMs
    try {
      const isDone = await (action === 'pause'
        ? engine.pause(consumer.id)
        : engine.stop(consumer.id))
      if (!isDone) {
        // somebody else did, or it ended: then it is not for us to wake
        journaled = journaled.filter(({ id }) => id !== consumer.id)
        return
      }
      held.push({ step, sinceMs })
      emit({
        type: 'consumer',
        name: consumer.name,
        state: action === 'pause' ? 'paused' : 'stopped',
      })
    } catch (error) {
      failed.add(consumer.id)
      warnings.push({
        code: 'consumer-not-held',
        message: `the container ${consumer.name} could not be ${action === 'pause' ? 'paused' : 'stopped'}: ${messageOf(error)}`,
      })
    }
  }

  async function wake(): Promise<void> {
    if (lock === undefined || client === undefined) return
    try {
      const asleep = await wakeConsumers(
        { clock, emit: noteWarning(emit, warnings) },
        client,
        journaled,
      )
      endedMs = performance.now()
      for (const { step, sinceMs } of held) {
        quiet.push({
          name: step.consumer.name,
          action: step.action,
          ms: Math.round(endedMs - sinceMs),
        })
      }
      keepInJournal(context, asleep)
    } finally {
      lock.release()
      lock = undefined
    }
  }

  async function letGo(): Promise<void> {
    try {
      await wake()
    } finally {
      // now, because whoever is paused cannot end a session
      await hooks.endSessions()
    }
  }

  function holdingOf({ id }: Consumer): HeldConsistency {
    const action = failed.has(id)
      ? undefined
      : steps.find((step) => step.consumer.id === id)?.action
    if (action !== undefined) return action === 'pause' ? 'paused' : 'stopped'
    return hooks.done.has(id) || hooks.ownIsDone ? 'hooked' : 'live'
  }

  return {
    isNeeded,
    get client() {
      return client
    },
    get notHeld() {
      return steps.flatMap(({ consumer: { id, name } }) => (failed.has(id) ? [name] : []))
    },
    get stopped() {
      return held.flatMap(({ step: { consumer, action } }) =>
        action === 'stop' ? [{ id: consumer.id, name: consumer.name, action }] : [],
      )
    },
    async begin() {
      // the first pass may have taken hours
      ;({ client, consumers, steps, hooks, warnings } = await planAgain())
      await hooks.runPre()
      if (steps.length === 0 || client === undefined) return
      try {
        await quiesce(client)
      } catch (error) {
        if (!(error instanceof OperationError)) throw error
        for (const { consumer } of steps) failed.add(consumer.id)
        warnings.push({ code: 'consumer-not-held', message: error.message })
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
      consistency: weakestHolding(consumers, holdingOf, hooks.ownIsDone ? 'hooked' : 'live'),
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

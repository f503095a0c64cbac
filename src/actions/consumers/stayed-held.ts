import type { Consumer } from '../../docker/consumers.ts'
import { type QuiesceStep, heldByOthers, mayWrite } from '../../docker/quiesce-plan.ts'
import type { HoldPurpose } from './hold.ts'
import { type HeldConsistency, weakestHolding } from './judge-consistency.ts'
import type { Hooks } from './run-hooks.ts'

/** What is done to a consumer; undefined where nothing is. */
export type ActionOn = (consumer: Consumer) => QuiesceStep['action'] | undefined

/** The consumers of a hold before and after, and what was done with them in between. */
export interface HeldTime {
  kind: HoldPurpose['kind']
  consumers: readonly Consumer[]
  /** The consumers as they were when the data had been read. */
  seen: readonly Consumer[]
  actionOn: ActionOn
  hooks: Pick<Hooks, 'ownIsDone' | 'done'>
}

/** Those that are not as they were left, or came; what they wrote meanwhile nobody knows. */
export function findLoose({
  consumers,
  seen,
  actionOn,
}: Pick<HeldTime, 'consumers' | 'seen' | 'actionOn'>): Consumer[] {
  return seen.filter((consumer) => {
    const action = actionOn(consumer)
    const isAsLeft =
      action === undefined
        ? consumers.some((known) => known.id === consumer.id && mayWrite(known))
        : action === 'pause' && consumer.state === 'paused'
    return !isAsLeft && mayWrite(consumer)
  })
}

/**
 * Whether all who can write were stopped or paused before, so that it matters whether they stayed
 * so.
 */
export function areQuietAsFound(consumers: readonly Consumer[]): boolean {
  const writers = consumers.filter(({ writes }) => writes)
  return writers.length > 0 && writers.every((one) => heldByOthers(one) !== undefined)
}

/** How well the data were held, where nobody ran who should not. */
export function judgeHeldTime(time: HeldTime): HeldConsistency {
  const withoutAny = time.hooks.ownIsDone ? 'hooked' : 'live'
  return weakestHolding(time.consumers, (consumer) => holdingOf(consumer, time), withoutAny)
}

function holdingOf(consumer: Consumer, { kind, seen, actionOn, hooks }: HeldTime): HeldConsistency {
  const action = actionOn(consumer)
  if (action !== undefined) return action === 'pause' ? 'paused' : 'stopped'

  const found = heldByOthers(consumer)
  if (found !== undefined && stayedAsFound(consumer, found, seen)) return found

  const isOwnEnough = hooks.ownIsDone && consumer.policy.hooks[`pre-${kind}`] === undefined
  return hooks.done.has(consumer.id) || isOwnEnough ? 'hooked' : 'live'
}

function stayedAsFound(
  { id }: Consumer,
  found: 'paused' | 'stopped',
  seen: readonly Consumer[],
): boolean {
  const now = seen.find((consumer) => consumer.id === id)
  return now === undefined ? found === 'stopped' : heldByOthers(now) === found
}

import type { QuiescePolicy } from '../config/choices.ts'
import type { Consumer } from './consumers.ts'

export interface QuiesceStep {
  consumer: Consumer
  action: 'pause' | 'stop'
}

/** Whether it runs, or may at any moment: paused, or about to be started again. */
export function isUp({ state }: Consumer): boolean {
  return ['running', 'restarting', 'paused'].includes(state)
}

/** Whether it writes now, or may at any moment. */
export function mayWrite(consumer: Consumer): boolean {
  return consumer.writes && isUp(consumer)
}

/** How somebody else keeps it from writing; undefined where it may write. */
export function heldByOthers(consumer: Consumer): 'paused' | 'stopped' | undefined {
  if (!isUp(consumer)) return 'stopped'
  return consumer.state === 'paused' ? 'paused' : undefined
}

/**
 * Which consumers are paused or stopped while a snapshot reads the data, in this order; they come
 * back in reverse. Only those that run, or are about to, and can write; the label
 * snap-volume.quiesce of each, else `fallback`.
 */
export function planQuiesce(
  consumers: readonly Consumer[],
  fallback: QuiescePolicy,
): QuiesceStep[] {
  return planSteps(consumers, ({ policy }) => policy.quiesce ?? fallback)
}

/**
 * The same for the time that a restore writes them: stopped, unless the label snap-volume.restore
 * says otherwise.
 */
export function planRestoreStop(consumers: readonly Consumer[]): QuiesceStep[] {
  return planSteps(consumers, ({ policy }) => policy.restore)
}

/**
 * Those that somebody else has paused: they would write old memory over what a restore wrote, once
 * they go on.
 */
export function findPausedByOthers(consumers: readonly Consumer[]): Consumer[] {
  return consumers.filter(
    (consumer) =>
      mayWrite(consumer) && consumer.state === 'paused' && consumer.policy.restore !== 'none',
  )
}

function planSteps(
  consumers: readonly Consumer[],
  policyOf: (consumer: Consumer) => QuiescePolicy,
): QuiesceStep[] {
  return consumers
    .filter((consumer) => mayWrite(consumer) && consumer.state !== 'paused')
    .flatMap((consumer) => {
      const action = policyOf(consumer)
      return action === 'none' ? [] : [{ consumer, action }]
    })
    .toSorted((one, other) => compareStopOrder(one.consumer, other.consumer))
}

/** Who is stopped first, and started last. */
export function compareStopOrder(one: Consumer, other: Consumer): number {
  return one.policy.stopOrder - other.policy.stopOrder || one.name.localeCompare(other.name, 'en')
}

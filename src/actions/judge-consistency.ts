import type { Consumer } from '../docker/consumers.ts'
import type { Consistency } from '../store/record.ts'
import type { VolumeCopy } from './copy-volume.ts'

/** How well data were held, from what was done with those who use them. */
export type HeldConsistency = Exclude<Consistency, 'atomic'>

const weakestFirst = ['live', 'hooked', 'paused', 'stopped'] as const

/** What was done with one consumer. */
export type Holding = (consumer: Consumer) => HeldConsistency

/** Data are held as well as by the consumer that was held least; of those that ran and can write. */
export function weakestHolding(
  consumers: readonly Consumer[],
  holdingOf: Holding,
  withoutAny: HeldConsistency,
): HeldConsistency {
  const ranks = consumers
    .filter(({ state, writes }) => state === 'running' && writes)
    .map((consumer) => weakestFirst.indexOf(holdingOf(consumer)))
  return ranks.length === 0 ? withoutAny : (weakestFirst[Math.min(...ranks)] ?? 'live')
}

/** Who was paused or stopped left a state of all volumes, which one instant of running data in one of them is not. */
export function judgeConsistency(
  held: HeldConsistency,
  copies: readonly VolumeCopy[],
): Consistency {
  const isQuiet = held === 'paused' || held === 'stopped'
  return isAtomic(copies) && !isQuiet ? 'atomic' : held
}

/** One subvolume snapshot is of one instant; two are not of the same one. */
function isAtomic(copies: readonly VolumeCopy[]): boolean {
  return copies.length === 1 && copies[0]?.volume.engine === 'btrfs'
}

import type { Consumer } from '../../docker/consumers.ts'
import type { Consistency, RecordWarning, VolumeRecord } from '../../store/record.ts'

/** How well data were held, from what was done with those who use them. */
export type HeldConsistency = Exclude<Consistency, 'atomic'>

const weakestFirst = ['live', 'hooked', 'paused', 'stopped'] as const

/** A volume in a snapshot, and whether anything was written while it was read. */
interface JudgedCopy {
  volume: Pick<VolumeRecord, 'id' | 'engine'>
  hasMoved: boolean
}

/** What was done with one consumer. */
export type Holding = (consumer: Consumer) => HeldConsistency

/** Data are held as well as by the consumer that was held least; of those that can write. */
export function weakestHolding(
  consumers: readonly Consumer[],
  holdingOf: Holding,
  withoutAny: HeldConsistency,
): HeldConsistency {
  const ranks = consumers
    .filter(({ writes }) => writes)
    .map((consumer) => weakestFirst.indexOf(holdingOf(consumer)))
  return ranks.length === 0 ? withoutAny : (weakestFirst[Math.min(...ranks)] ?? 'live')
}

/**
 * Who was paused or stopped left a state of all volumes, which one instant of running data in one
 * of them is not. What was written nevertheless was written by somebody else, who may be none of
 * the containers. That is worth a warning where this program held them (`isAsked`).
 */
export function judgeConsistency(
  held: HeldConsistency,
  copies: readonly JudgedCopy[],
  isAsked: boolean,
): { consistency: Consistency; warnings: RecordWarning[] } {
  const isQuiet = held === 'paused' || held === 'stopped'
  if (!isQuiet) return { consistency: isAtomic(copies) ? 'atomic' : held, warnings: [] }
  const moved = copies.filter(({ hasMoved }) => hasMoved).map(({ volume }) => volume.id)
  if (moved.length === 0) return { consistency: held, warnings: [] }
  if (!isAsked) return { consistency: 'live', warnings: [] }

  const message = `somebody wrote ${moved.join(', ')} while all known containers were ${held}: a program of the host, or a container that is not found`
  return { consistency: 'live', warnings: [{ code: 'consumer-changed', message }] }
}

/** One subvolume snapshot is of one instant; two are not of the same one. */
function isAtomic(copies: readonly JudgedCopy[]): boolean {
  return copies.length === 1 && copies[0]?.volume.engine === 'btrfs'
}

import { setImmediate as nextTurn } from 'node:timers/promises'
import { throwIfInterrupted } from '../errors.ts'

const itemsPerTurn = 1000

/**
 * Gives the items, and lets signals and timers have their turn between them; ends with
 * InterruptedError.
 */
export async function* yielding<T>(
  items: Iterable<T>,
  signal: AbortSignal | undefined,
): AsyncIterable<T> {
  let left = 1
  for (const item of items) {
    left -= 1
    if (left === 0) {
      left = itemsPerTurn
      await nextTurn()
      throwIfInterrupted(signal)
    }
    yield item
  }
}

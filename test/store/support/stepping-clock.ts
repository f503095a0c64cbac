import type { Clock } from '../../../src/system/clock.ts'

/** A clock that is five seconds later each time it is read, and never waits. */
export function steppingClock(): Clock {
  let time = Date.UTC(2026, 0, 1)
  return {
    now: () => new Date((time += 5000)),
    sleep: () => Promise.resolve(),
  }
}

import { setTimeout as sleep } from 'node:timers/promises'

/** Time comes in as a parameter, so that a test can own it. */
export interface Clock {
  now(): Date
  /** Resolves after `ms` milliseconds; rejects when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
}

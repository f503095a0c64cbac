import type { Clock } from '../../../src/system/clock.ts'

export interface ManualClock {
  clock: Clock
  /** Lets time go on, and whoever slept so long do what comes next. */
  pass(ms: number): Promise<void>
}

/** A clock that stands still unless it is moved. */
export function manualClock(): ManualClock {
  let now = 0
  const sleepers = new Set<{ until: number; wake: () => void }>()
  return {
    clock: {
      now: () => new Date(now),
      async sleep(ms, signal) {
        const { promise, resolve, reject } = Promise.withResolvers<void>()
        const sleeper = { until: now + ms, wake: resolve }
        sleepers.add(sleeper)
        const disturb = (): void => {
          reject(Object.assign(new Error('aborted'), { code: 'ABORT_ERR' }))
        }
        if (signal?.aborted === true) disturb()
        signal?.addEventListener('abort', disturb)
        await promise.finally(() => sleepers.delete(sleeper))
      },
    },
    async pass(ms) {
      await settle()
      now += ms
      for (const { until, wake } of sleepers) if (until <= now) wake()
      await settle()
    },
  }
}

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
}

import { messageOf } from '../errors.ts'
import type { Log } from '../system/log.ts'

/** Work that nobody waits for, until the daemon ends. */
export interface Background {
  run(work: (signal: AbortSignal) => Promise<void>): void
  /** Ends what is under way, and waits for it. */
  stop(): Promise<void>
}

export function createBackground(signal: AbortSignal, log: Log): Background {
  const stopping = new AbortController()
  const ends = AbortSignal.any([signal, stopping.signal])
  let idle = Promise.resolve()

  return {
    run(work) {
      const before = idle
      const done = work(ends).catch((error: unknown) =>
        log.warn(`tidying up failed: ${messageOf(error)}`),
      )
      idle = done.then(async () => before)
    },
    async stop() {
      stopping.abort()
      await idle
    },
  }
}

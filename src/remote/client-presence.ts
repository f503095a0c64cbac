import type { Clock } from '../system/clock.ts'
import type { Terminal } from '../system/terminal.ts'
import { reconnectForMs } from './protocol.ts'

/** Whether somebody follows a command, who may be cut off and come back. */
export interface ClientPresence {
  /** Somebody is there from now on; returns what to call when he is not any more. */
  enter(): () => void
  /** As a terminal tells it; nobody comes back who has not when clients give up. */
  timeToAnswer: NonNullable<Terminal['timeToAnswer']>
}

export function createClientPresence(clock: Clock): ClientPresence {
  let present = 0
  let emptySince = clock.now().getTime()
  let changed = new AbortController()

  function change(): void {
    changed.abort()
    changed = new AbortController()
  }

  return {
    enter() {
      present += 1
      if (present === 1) change()
      let isIn = true

      return () => {
        if (!isIn) return
        isIn = false
        present -= 1
        if (present > 0) return

        emptySince = clock.now().getTime()
        change()
      }
    },
    async timeToAnswer(ms, signal) {
      for (;;) {
        const isThere = present > 0
        const leftMs = isThere ? ms : emptySince + reconnectForMs - clock.now().getTime()
        try {
          await clock.sleep(Math.max(0, leftMs), AbortSignal.any([signal, changed.signal]))
          return isThere
        } catch (error) {
          if (signal.aborted) throw error
        }
      }
    },
  }
}

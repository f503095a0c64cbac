import type { ScheduleReason } from './both-schedules.ts'

/** Why a run was begun. */
export type RunReason = ScheduleReason | 'start' | 'catch-up'

/**
 * Runs one job at a time: a trigger that comes while one is under way is skipped and told of, not
 * queued.
 */
export interface Runner {
  trigger(reason: RunReason): void
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

export function createOneAtATime(
  job: (reason: RunReason) => Promise<void>,
  onSkip: (reason: RunReason, skipped: number) => void,
  onError: (error: unknown) => void,
): Runner {
  let running: Promise<void> | undefined
  let skipped = 0

  return {
    trigger(reason) {
      if (running !== undefined) {
        skipped += 1
        onSkip(reason, skipped)
        return
      }
      running = job(reason)
        .catch(onError)
        .finally(() => {
          running = undefined
        })
    },
    idle: async () => running,
  }
}

import { BusyError } from '../../errors.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { acquireLock, findHolder } from '../../store/lock.ts'

const resumingPurpose = 'resuming containers'
const longestResumingMs = 60_000

/**
 * Undefined where they are held for good reason; a process that resumes them, such as the daemon,
 * is waited for.
 */
export async function lockToResume(store: StoreLayout) {
  const lock = await lockConsumers(store, resumingPurpose, 0)
  if (lock !== undefined) return lock

  const holder = await findHolder(store.consumerLock)
  return holder?.includes(resumingPurpose) === true
    ? lockConsumers(store, resumingPurpose, longestResumingMs)
    : undefined
}

/** Undefined when another process has consumers paused or stopped for longer than `timeoutMs`. */
export async function lockConsumers(store: StoreLayout, purpose: string, timeoutMs: number) {
  try {
    return await acquireLock(store.consumerLock, { timeoutMs, purpose })
  } catch (error) {
    if (error instanceof BusyError) return undefined
    throw error
  }
}

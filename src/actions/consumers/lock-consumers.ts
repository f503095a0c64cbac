import { BusyError } from '../../errors.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { acquireLock, findHolder } from '../../store/lock.ts'

const wakingPurpose = 'waking containers'
const longestWakingMs = 60_000

/**
 * Undefined where they are held for good reason; a process that wakes them, such as the daemon, is
 * waited for.
 */
export async function lockToResume(store: StoreLayout) {
  const lock = await lockConsumers(store, wakingPurpose, 0)
  if (lock !== undefined) return lock

  const holder = await findHolder(store.consumerLock)
  return holder?.includes(wakingPurpose) === true
    ? lockConsumers(store, wakingPurpose, longestWakingMs)
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

import type { Settings } from '../config/settings.ts'
import { readSavedConfig } from '../store/saved-config.ts'
import { type Lock, acquireLock } from '../store/lock.ts'
import type { StoreLayout } from '../store/layout.ts'
import type { EngineChoice } from '../config/settings.ts'
import type { VolumeSpec } from '../config/volume-spec.ts'
import { createOwnDirectories } from '../store/open.ts'
import { emptyTrash } from '../store/trash.ts'
import type { Clock } from '../system/clock.ts'
import type { Emit } from './events.ts'

/** What an action works with: where, by which rules, and who listens. */
export interface ActionContext {
  store: StoreLayout
  config: StoreConfig
  clock: Clock
  signal?: AbortSignal | undefined
  lockTimeoutMs: number
  emit: Emit
}

/** The rules in force: what the environment of this process names, else what the last `start` said. */
export interface StoreConfig {
  volumes: VolumeSpec[]
  maxSnapshots: number
  engine: EngineChoice
  cron: string
  timeZone: string
}

/** Throws OperationError when no `start` has configured the store. */
export function readStoreConfig(store: StoreLayout, settings: Settings): StoreConfig {
  const saved = readSavedConfig(store)
  return {
    volumes: saved.volumes,
    maxSnapshots: settings.given.has('maxSnapshots') ? settings.maxSnapshots : saved.maxSnapshots,
    engine: settings.given.has('engine') ? settings.engine : saved.engine,
    cron: saved.cron,
    timeZone: saved.timeZone,
  }
}

/**
 * Runs `work` as the only writer of the store, then deletes what it put into the trash, while others may write.
 * Throws BusyError when another writer does not end in time.
 */
export async function asWriter<T>(
  context: ActionContext,
  purpose: string,
  work: (lock: Lock) => Promise<T>,
): Promise<T> {
  try {
    return await withStoreLock(context, purpose, work)
  } finally {
    if (!context.signal?.aborted) {
      const leftOver = await emptyTrash(context.store, context.signal)
      if (leftOver !== undefined) {
        context.emit({ type: 'warning', code: 'trash', message: leftOver })
      }
    }
  }
}

/** Runs `work` while nobody writes the store; throws BusyError when another one does not end in time. */
export async function withStoreLock<T>(
  context: ActionContext,
  purpose: string,
  work: (lock: Lock) => Promise<T>,
): Promise<T> {
  const { store, lockTimeoutMs, signal, emit } = context
  const lock = await acquireLock(store.lock, {
    timeoutMs: lockTimeoutMs,
    purpose,
    signal,
    onWait: (holder) => emit({ type: 'waiting', holder }),
  })
  try {
    createOwnDirectories(store)
    return await work(lock)
  } finally {
    lock.release()
  }
}

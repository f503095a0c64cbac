import { statfsSync } from 'node:fs'
import type { KeepPolicy } from '../config/keep-rules.ts'
import { type Settings, keepPolicyOf, namesKeepRules } from '../config/settings.ts'
import { readSavedConfig } from '../store/saved-config.ts'
import type { StoreAbilities } from '../store/abilities.ts'
import { type Lock, acquireLock } from '../store/lock.ts'
import type { StoreLayout } from '../store/layout.ts'
import type {
  EngineChoice,
  PrunePolicy,
  QuiescePolicy,
  UnreadablePolicy,
} from '../config/choices.ts'
import type { MinFree } from '../config/min-free.ts'
import { assertExcludeFits } from '../config/exclude.ts'
import { assertUnreadableFits } from '../config/unreadable.ts'
import type { Environment } from '../config/variables.ts'
import type { VolumeSpec } from '../config/volume-spec.ts'
import { type Docker, findDocker } from '../docker/find-docker.ts'
import type { HookPoint } from '../docker/labels.ts'
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
  /** Opens the Docker API, or says why there is none. */
  docker: () => Promise<Docker>
  hooks: SidecarHooks
  /** In a container of the image, where paths are not those of the Engine's host. */
  inImage: boolean
  emit: Emit
  /** Who is to be named in the log of the store; a command, unless it says otherwise. */
  startedBy?: 'daemon' | 'client' | 'command'
  /**
   * Has the trash deleted beside the work, because that may take long; without it, it is waited
   * for.
   */
  deleteBeside?: () => void
  /** Holds off whoever links the newest snapshot in advance, while the store is written. */
  pausePrelinking?: <T>(work: () => Promise<T>) => Promise<T>
}

/** What a daemon does beside the work of an action. */
export type BesideWork = Pick<ActionContext, 'deleteBeside' | 'pausePrelinking'>

/**
 * Commands that run where the program does. They come from the environment only: who can write the
 * store must not run any.
 */
export interface SidecarHooks {
  commands: Partial<Record<HookPoint, string>>
  timeoutMs: number
  /** What they find in their environment. */
  environment: Environment
}

/** The parts of a context that are the process' own, and not the store's. */
export function contextOfProcess(
  settings: Settings,
  environment: Environment,
): Pick<ActionContext, 'lockTimeoutMs' | 'docker' | 'hooks' | 'inImage'> {
  const { preSnapshot, postSnapshot, preRestore, postRestore } = settings
  const commands = {
    ...(preSnapshot === undefined ? {} : { 'pre-snapshot': preSnapshot }),
    ...(postSnapshot === undefined ? {} : { 'post-snapshot': postSnapshot }),
    ...(preRestore === undefined ? {} : { 'pre-restore': preRestore }),
    ...(postRestore === undefined ? {} : { 'post-restore': postRestore }),
  }

  return {
    lockTimeoutMs: settings.lockTimeoutMs,
    inImage: settings.inImage,
    docker: async () => findDocker(settings.dockerHost),
    hooks: { commands, timeoutMs: settings.hookTimeoutMs, environment },
  }
}

/** The context of the only writer of the store. */
export interface WriterContext extends ActionContext {
  /** Inherited by every program that writes, so that it outlives this process. */
  readonly lock: Lock
}

/**
 * The rules in force: what the environment of this process names, else what the last `start` said.
 */
export interface StoreConfig {
  volumes: VolumeSpec[]
  maxSnapshots: number
  /** SNAP_KEEP_*, which decide what stays; undefined where SNAP_MAX alone does. */
  keep?: KeepPolicy | undefined
  prune: PrunePolicy
  /** SNAP_MIN_FREE */
  minFree?: MinFree | undefined
  engine: EngineChoice
  /** What is left out of snapshots and restores: entries that excludesOf reads. */
  exclude: string[]
  onUnreadable: UnreadablePolicy
  quiesce: QuiescePolicy
  cron: string
  /** When all contents are compared; empty for never. */
  checksumCron: string
  /** From which share of other files on older snapshots are kept, in percent; 0 for never. */
  changeLimit: number
  timeZone: string
  /** Whether the last `start` had the Docker API. */
  hasDockerApi: boolean
  /** What the filesystem of the store keeps, as the last `start` found. */
  abilities: StoreAbilities
}

/**
 * Throws OperationError when no `start` has configured the store, UsageError for what does not fit.
 */
export function readStoreConfig(store: StoreLayout, settings: Settings): StoreConfig {
  const saved = readSavedConfig(store)
  const engine = settings.given.has('engine') ? settings.engine : saved.engine
  const exclude = settings.given.has('exclude') ? settings.exclude : saved.exclude
  const onUnreadable = settings.given.has('onUnreadable')
    ? settings.onUnreadable
    : saved.onUnreadable

  assertExcludeFits(exclude, saved.volumes, engine)
  assertUnreadableFits(onUnreadable, engine)

  return {
    volumes: saved.volumes,
    maxSnapshots: settings.given.has('maxSnapshots') ? settings.maxSnapshots : saved.maxSnapshots,
    ...keepPolicyInForce(settings, saved.keep),
    prune: settings.given.has('prune') ? settings.prune : saved.prune,
    ...minFreeInForce(settings, saved.minFree),
    engine,
    exclude,
    onUnreadable,
    quiesce: settings.given.has('quiesce') ? settings.quiesce : saved.quiesce,
    cron: saved.cron,
    checksumCron: saved.checksumCron,
    changeLimit: settings.given.has('changeLimit') ? settings.changeLimit : saved.changeLimit,
    timeZone: saved.timeZone,
    hasDockerApi: saved.hasDockerApi,
    abilities: saved.storeAbilities,
  }
}

function minFreeInForce(
  settings: Settings,
  saved: MinFree | undefined,
): Pick<StoreConfig, 'minFree'> {
  const minFree = settings.given.has('minFree') ? settings.minFree : saved
  return minFree === undefined ? {} : { minFree }
}

function keepPolicyInForce(
  settings: Settings,
  saved: KeepPolicy | undefined,
): Pick<StoreConfig, 'keep'> {
  const keep = namesKeepRules(settings) ? keepPolicyOf(settings) : saved
  if (keep === undefined) return {}
  const cap = settings.given.has('maxSnapshots') ? settings.maxSnapshots : keep.cap
  return { keep: { rules: keep.rules, ...(cap === undefined ? {} : { cap }) } }
}

/**
 * Runs `work` as the only writer of the store, then deletes what it put into the trash, while
 * others may write. Throws BusyError when another writer does not end in time.
 */
export async function asWriter<T>(
  context: ActionContext,
  purpose: string,
  work: (writer: WriterContext) => Promise<T>,
): Promise<T> {
  const { pausePrelinking = async (write) => write() } = context
  return pausePrelinking(async () => {
    try {
      return await withStoreLock(context, purpose, work)
    } finally {
      await deleteTrash(context)
    }
  })
}

/** Waits for it only where nobody else does it; after an interruption the next one does. */
export async function deleteTrash(context: ActionContext): Promise<void> {
  const { signal, deleteBeside } = context
  if (signal?.aborted) return
  if (deleteBeside === undefined) await emptyAndTell(context, signal)
  else deleteBeside()
}

export async function emptyAndTell(
  { store, emit }: Pick<ActionContext, 'store' | 'emit'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const free = (): number => {
    const { bavail, bsize } = statfsSync(store.directory)
    return bavail * bsize
  }

  const before = free()
  const leftOver = await emptyTrash(store, signal)
  if (leftOver !== undefined) emit({ type: 'warning', code: 'trash', message: leftOver })
  const bytes = free() - before
  if (bytes > 0) emit({ type: 'freed', bytes })
}

/**
 * Runs `work` while nobody writes the store; throws BusyError when another one does not end in
 * time.
 */
export async function withStoreLock<T>(
  context: ActionContext,
  purpose: string,
  work: (writer: WriterContext) => Promise<T>,
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
    return await work({ ...context, lock })
  } finally {
    lock.release()
  }
}

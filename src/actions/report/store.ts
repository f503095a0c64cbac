import type { EngineChoice } from '../../config/choices.ts'
import { excludesOf } from '../../config/exclude.ts'
import type { KeepPolicy } from '../../config/keep-rules.ts'
import type { Settings } from '../../config/settings.ts'
import { type VolumeToCopy, chooseEngine } from '../../copy/choose-engine.ts'
import { OperationError, errorCode, messageOf } from '../../errors.ts'
import {
  type DamagedSnapshot,
  describeDamage,
  readCatalog,
  wayOutOfDamage,
} from '../../store/catalog.ts'
import { describeChange, readUnacceptedChanges } from '../../store/changes.ts'
import { warnOfFuture } from '../../store/future.ts'
import { findHeartbeat } from '../../store/heartbeat.ts'
import { warnOfMisnamed } from '../../store/misnamed.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { explainInterruptedRestore, readInterruptedRestore } from '../../store/restore-journal.ts'
import type { SnapshotRecord } from '../../store/record.ts'
import { type VerifyState, readVerifyState } from '../../store/verify-state.ts'
import { readNextRun } from '../../store/schedule-state.ts'
import { isPlainDirectoryOnBtrfs } from '../../system/subvolume.ts'
import { readStoreConfig } from '../context.ts'

/** What `show` tells; the same document is its JSON form. */
export interface StoreDescription {
  schema: 1
  directory: string
  snapshots: SnapshotRecord[]
  damaged: Pick<DamagedSnapshot, 'name' | 'path' | 'problem'>[]
  /** Undefined before the first start, or when it cannot be read; then `problems` says so. */
  config: StoreConfigDescription | undefined
  /** What comparing stored files with what they were has found. */
  verified: VerifyState
  daemon: { running: boolean; nextRun: string | null }
  problems: string[]
}

export interface StoreConfigDescription {
  volumes: {
    id: string
    path: string
    storedAs: string
    engine: string
    engineReason: string
    /** Patterns of what is left out. */
    exclude: string[]
  }[]
  cron: string
  /** Empty for never. */
  checksumCron: string
  timeZone: string
  maxSnapshots: number
  /** SNAP_KEEP_*; missing where SNAP_MAX alone decides what stays. */
  keep?: KeepPolicy | undefined
}

/** Reads all there is to say of a store; what is broken in it becomes a line in `problems`. */
export async function describeStore(
  store: StoreLayout,
  settings: Settings,
  now: Date,
): Promise<StoreDescription> {
  const problems: string[] = []
  const catalog = readCatalog(store)
  const { snapshots, damaged } = catalog
  const orProblem = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      problems.push(error.message)
      return undefined
    }
  }

  const config = orProblem(() => describeConfig(store, settings))
  const interrupted = orProblem(() => readInterruptedRestore(store))
  if (interrupted !== undefined) problems.push(explainInterruptedRestore(interrupted).message)

  const changes = orProblem(() => readUnacceptedChanges(store)) ?? []
  problems.push(...changes.map(describeChange))
  const future = warnOfFuture(catalog, now)
  if (future !== undefined) problems.push(future)
  const misnamed = warnOfMisnamed(catalog, now)
  if (misnamed !== undefined) problems.push(misnamed)
  for (const one of damaged) problems.push(`${describeDamage(one)}; ${wayOutOfDamage(one)}`)

  return {
    schema: 1,
    directory: store.directory,
    snapshots: snapshots.map(({ record }) => record),
    damaged: damaged.map(({ name, path, problem }) => ({ name, path, problem })),
    config,
    verified: readVerifyState(store),
    daemon: {
      running: (await findHeartbeat(store, now)) !== undefined,
      nextRun: readNextRun(store)?.toISOString() ?? null,
    },
    problems,
  }
}

function describeConfig(store: StoreLayout, settings: Settings): StoreConfigDescription {
  const config = readStoreConfig(store, settings)
  const { volumes, cron, checksumCron, timeZone, maxSnapshots, keep, engine } = config

  return {
    volumes: volumes.map(({ id, path }) => {
      const exclude = excludesOf(config.exclude, id)
      return {
        id,
        path,
        storedAs: `${store.directory}/@GMT-YYYY.MM.DD-hh.mm.ss/${id}`,
        ...describeEngine(engine, id, { path, exclude }, store.directory),
        exclude,
      }
    }),
    cron,
    checksumCron,
    timeZone,
    maxSnapshots,
    ...(keep === undefined ? {} : { keep }),
  }
}

/** The data may not be mounted where one looks at the store. */
function describeEngine(
  choice: EngineChoice,
  id: string,
  volume: VolumeToCopy,
  store: string,
): { engine: string; engineReason: string } {
  try {
    const { name, reason } = chooseEngine(choice, volume, store)
    return { engine: name, engineReason: reason + wayToSubvolume(choice, id, volume) }
  } catch (error) {
    return { engine: choice, engineReason: messageOf(error) + wayToSubvolume(choice, id, volume) }
  }
}

/** The command that makes engine btrfs possible, for whoever has not chosen another one. */
function wayToSubvolume(choice: EngineChoice, id: string, { path, exclude }: VolumeToCopy): string {
  if ((choice !== 'auto' && choice !== 'btrfs') || exclude.length > 0) return ''
  try {
    if (!isPlainDirectoryOnBtrfs(path)) return ''
  } catch (error) {
    // not mounted here, or not for this user to look at
    if (errorCode(error) === undefined) throw error
    return ''
  }

  return `; "snap-volume subvolume ${id}" makes it one`
}

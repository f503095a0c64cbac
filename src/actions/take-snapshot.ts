import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { OperationError, isNotFound, throwIfInterrupted } from '../errors.ts'
import type { VolumeSpec } from '../config/volume-spec.ts'
import { chooseEngine } from '../copy/choose-engine.ts'
import type { Survey } from '../copy/survey.ts'
import { type Catalog, type Snapshot, readCatalog } from '../store/catalog.ts'
import type { StoreLayout } from '../store/layout.ts'
import type { Lock } from '../store/lock.ts'
import { formatSnapshotName, nextSnapshotTime } from '../store/names.ts'
import { publishSnapshot } from '../store/publish.ts'
import type {
  RecordWarning,
  SnapshotKind,
  SnapshotRecord,
  VolumeContents,
  VolumeRecord,
} from '../store/record.ts'
import {
  describeInterruptedRestore,
  readInterruptedRestore,
  readRestoreJournal,
} from '../store/restore-journal.ts'
import { createStagedVolume, createStaging, discardStaging } from '../store/staging.ts'
import { emptyTrash } from '../store/trash.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { isMountPoint, readMounts } from '../system/mounts.ts'
import { programVersion } from '../system/version.ts'
import { type ActionContext, withStoreLock } from './context.ts'
import { explainFailure, inStore } from './explain-failure.ts'
import { assertVolumesApart } from './check-volumes.ts'
import { assertSourceIsThere } from './check-source.ts'
import { applyRetention } from './prune.ts'

const longestWaitMs = 2000

export interface SnapshotOptions {
  kind: SnapshotKind
  comment?: string | undefined
  pinned?: boolean
  labels?: Record<string, string>
  /** Take it although a volume has no files now and had some before. */
  allowEmpty?: boolean
}

export interface SnapshotResult {
  record: SnapshotRecord
  /** The names that retention removed afterwards. */
  removed: string[]
}

/**
 * Takes a snapshot of all configured volumes and applies retention.
 * Throws OperationError when it could not be taken; nothing is published and nothing pruned then.
 */
export async function takeSnapshot(
  context: ActionContext,
  options: SnapshotOptions,
): Promise<SnapshotResult> {
  context.emit({ type: 'phase', phase: 'lock' })
  return withStoreLock(context, `${options.kind} snapshot`, async (lock) => {
    const interrupted = readInterruptedRestore(context.store)
    if (interrupted !== undefined) throw new OperationError(describeInterruptedRestore(interrupted))
    const record = await writeSnapshot(context, lock, options, context.config.volumes)
    context.emit({ type: 'phase', phase: 'prune' })
    const removed = await applyRetention(context, lock)
    return { record, removed }
  })
}

export interface WriteOptions extends SnapshotOptions {
  /** Compare contents, so that a change that kept size and time is captured too. */
  checksum?: boolean
}

/** Copies, checks and publishes, as the holder of the lock; the part that a restore uses for its safety. */
export async function writeSnapshot(
  context: ActionContext,
  lock: Lock,
  options: WriteOptions,
  volumes: readonly VolumeSpec[],
): Promise<SnapshotRecord> {
  const { store, clock, signal } = context
  assertVolumesApart(store.directory, volumes)
  discardStaging(store)
  const startedAt = clock.now()
  const catalog = readCatalog(store)
  const time = nextSnapshotTime(startedAt, catalog.snapshots.at(-1)?.time, catalog.names)
  await waitForSecond(context, time)
  try {
    const staging = createStaging(store)
    const copies: VolumeCopy[] = []
    for (const volume of volumes) {
      copies.push(await copyVolume(context, lock, options, catalog, staging, volume))
    }
    context.emit({ type: 'phase', phase: 'publish' })
    const record: SnapshotRecord = {
      schema: 1,
      name: formatSnapshotName(time),
      kind: options.kind,
      program: programVersion,
      startedAt: startedAt.toISOString(),
      finishedAt: clock.now().toISOString(),
      consistency: 'live',
      volumes: copies.map(({ volume }) => volume),
      warnings: [...warnOfClock(startedAt, time), ...copies.flatMap(({ warnings }) => warnings)],
      comment: options.comment ?? null,
      pinned: options.pinned ?? false,
      labels: options.labels ?? {},
    }
    throwIfInterrupted(signal)
    await publishSnapshot(store, staging, record)
    for (const warning of record.warnings) context.emit({ type: 'warning', ...warning })
    context.emit({ type: 'published', name: record.name, kind: record.kind })
    return record
  } catch (error) {
    const explained = await explainFailure(error, inStore(store.directory), 'nothing was published')
    await dropStaging(context, lock)
    throw explained
  }
}

/** Two snapshots in one second have names apart; the second one waits for its own, unless the clock is off. */
async function waitForSecond({ clock, signal }: ActionContext, time: Date): Promise<void> {
  const aheadMs = time.getTime() - clock.now().getTime()
  if (aheadMs <= 0 || aheadMs > longestWaitMs) return
  await clock.sleep(aheadMs, signal).catch(() => throwIfInterrupted(signal))
}

/** Gives the space of a failed run back at once, unless the process is to end quickly. */
async function dropStaging({ store, signal }: ActionContext, lock: Lock): Promise<void> {
  discardStaging(store)
  if (!signal?.aborted) await emptyTrash(store, lock)
}

/**
 * A restore gives files the times of the snapshot, which the base may hold with other contents: only
 * contents tell then.
 */
function wasRestoredSince(store: StoreLayout, id: string, base: Snapshot | undefined): boolean {
  const journal = readRestoreJournal(store)
  if (journal === undefined || base === undefined) return false
  return (
    journal.volumes.some((volume) => volume.id === id) && journal.startedAt >= base.record.startedAt
  )
}

interface VolumeCopy {
  volume: VolumeRecord
  warnings: RecordWarning[]
}

async function copyVolume(
  context: ActionContext,
  lock: Lock,
  options: WriteOptions,
  catalog: Catalog,
  staging: string,
  { id, path }: VolumeSpec,
): Promise<VolumeCopy> {
  const { store, clock, config, emit, signal } = context
  const { engine } = chooseEngine(config.engine)
  const base = findBase(catalog, id)
  const begun = clock.now().getTime()
  emit({ type: 'phase', phase: 'copy', volume: id, detail: path })
  const source = openDirectory(path)
  try {
    const { survey, warnings } = await engine.snapshot({
      source,
      target: createStagedVolume(staging, id),
      base: base.snapshot === undefined ? undefined : join(base.snapshot.path, id),
      checksum: (options.checksum ?? false) || wasRestoredSince(store, id, base.snapshot),
      lockDescriptor: lock.descriptor,
      signal,
      onProgress: (progress) =>
        emit({
          type: 'progress',
          volume: id,
          elapsedMs: clock.now().getTime() - begun,
          ...progress,
        }),
    })
    const volume: VolumeRecord = {
      id,
      path,
      engine: engine.name,
      base: base.snapshot?.name ?? null,
      mountPoint: isMountPoint(readMounts(), path),
      contents: contentsOf(survey),
    }
    if (options.allowEmpty !== true) assertSourceIsThere(volume, catalog)
    return {
      volume,
      warnings: [...base.warnings, ...warnings].map((warning) => ({ ...warning, volume: id })),
    }
  } finally {
    source.close()
  }
}

/** The newest snapshot that has the volume; one whose data are gone is told of and passed over. */
function findBase(
  catalog: Catalog,
  id: string,
): { snapshot: Snapshot | undefined; warnings: RecordWarning[] } {
  const warnings: RecordWarning[] = []
  const snapshot = catalog.snapshots.findLast((candidate) => {
    if (!candidate.record.volumes.some((volume) => volume.id === id)) return false
    if (isRealDirectory(join(candidate.path, id))) return true
    warnings.push({
      code: 'base-missing',
      message: `the data of ${candidate.name}/${id} are gone, so unchanged files are not shared with it`,
    })
    return false
  })
  return { snapshot, warnings }
}

function isRealDirectory(path: string): boolean {
  try {
    return lstatSync(path).isDirectory()
  } catch (error) {
    if (isNotFound(error)) return false
    throw error
  }
}

function contentsOf(survey: Survey): VolumeContents {
  const { files, directories, symlinks, specials, bytes, ownFiles, ownBytes, linked } = survey
  return {
    files,
    directories,
    symlinks,
    specials,
    linkGroups: linked.filter(({ paths }) => paths.length > 1).length,
    bytes,
    addedFiles: ownFiles,
    addedBytes: ownBytes,
  }
}

function warnOfClock(now: Date, named: Date): RecordWarning[] {
  const aheadSeconds = Math.round((named.getTime() - now.getTime()) / 1000)
  if (aheadSeconds <= 2) return []
  return [
    {
      code: 'clock',
      message: `the clock is ${aheadSeconds} s behind the newest snapshot, so this one is named for the second after that: check the clock`,
    },
  ]
}

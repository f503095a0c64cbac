import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { OperationError, messageOf, throwIfInterrupted } from '../errors.ts'
import type { VolumeSpec } from '../config/volume-spec.ts'
import { chooseEngine, warmUpEngines } from '../copy/choose-engine.ts'
import type { SnapshotRequest } from '../copy/engine.ts'
import { SpareError } from '../copy/move-spare.ts'
import { type Catalog, readCatalog } from '../store/catalog.ts'
import { indexFileName, sealFileName } from '../store/layout.ts'
import type { Lock } from '../store/lock.ts'
import { formatSnapshotName, nextSnapshotTime } from '../store/names.ts'
import { publishSnapshot } from '../store/publish.ts'
import type { RecordWarning, SnapshotKind, SnapshotRecord, VolumeRecord } from '../store/record.ts'
import { describeInterruptedRestore, readInterruptedRestore } from '../store/restore-journal.ts'
import { dropSpares, findSpare } from '../store/spare.ts'
import { createStagedVolume, createStaging, discardStaging } from '../store/staging.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { isMountPoint, readMounts } from '../system/mounts.ts'
import { programVersion } from '../system/version.ts'
import { type ActionContext, asWriter } from './context.ts'
import { reportProgress } from './report-progress.ts'
import { explainFailure, inStore } from './explain-failure.ts'
import { assertVolumesApart } from './check-volumes.ts'
import { assertSourceIsThere } from './check-source.ts'
import { findBase, noBase } from './find-base.ts'
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
  const { config, store } = context
  warmUpEngines(
    config.engine,
    config.volumes.map(({ path }) => path),
    store.directory,
  )
  context.emit({ type: 'phase', phase: 'lock' })
  return asWriter(context, `${options.kind} snapshot`, async (lock) => {
    const interrupted = readInterruptedRestore(context.store)
    if (interrupted !== undefined) throw new OperationError(describeInterruptedRestore(interrupted))
    const record = await writeSnapshot(context, lock, options, context.config.volumes)
    context.emit({ type: 'phase', phase: 'prune' })
    const removed = applyRetention(context)
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
      consistency: isAtomic(copies) ? 'atomic' : 'live',
      volumes: copies.map(({ volume }) => volume),
      warnings: [...warnOfClock(startedAt, time), ...copies.flatMap(({ warnings }) => warnings)],
      comment: options.comment ?? null,
      pinned: options.pinned ?? false,
      labels: options.labels ?? {},
    }
    throwIfInterrupted(signal)
    await publishSnapshot(store, staging, record)
    dropIndexes(context, record)
    for (const warning of record.warnings) context.emit({ type: 'warning', ...warning })
    context.emit({ type: 'published', name: record.name, kind: record.kind })
    return record
  } catch (error) {
    const explained = await explainFailure(error, inStore(store.directory), 'nothing was published')
    discardStaging(store)
    throw explained
  } finally {
    dropUsedSpare(context)
  }
}

/** It has served, or nobody could use it. What cannot be moved now is moved by the next run. */
function dropUsedSpare({ store, emit }: ActionContext): void {
  try {
    dropSpares(store)
  } catch (error) {
    const message = `what is left in ${store.spare} cannot be removed: ${messageOf(error)}`
    emit({ type: 'warning', code: 'spare', message })
  }
}

/** Two snapshots in one second have names apart; the second one waits for its own, unless the clock is off. */
async function waitForSecond({ clock, signal }: ActionContext, time: Date): Promise<void> {
  const aheadMs = time.getTime() - clock.now().getTime()
  if (aheadMs <= 0 || aheadMs > longestWaitMs) return
  await clock.sleep(aheadMs, signal).catch(() => throwIfInterrupted(signal))
}

/**
 * Only the newest snapshot of a volume is a base: the index beside the one before has served. What cannot be
 * removed takes space and does nothing else, and the snapshot is published already.
 */
function dropIndexes({ store, emit }: ActionContext, { volumes }: SnapshotRecord): void {
  for (const { id, base } of volumes) {
    if (base === null) continue
    const index = join(store.directory, base, indexFileName(id))
    try {
      rmSync(index, { force: true, recursive: true })
    } catch (error) {
      const message = `${index} has served and cannot be removed: ${messageOf(error)}`
      emit({ type: 'warning', code: 'index', volume: id, message })
    }
  }
}

/** One subvolume snapshot is of one instant; two are not of the same one. */
function isAtomic(copies: readonly VolumeCopy[]): boolean {
  return copies.length === 1 && copies[0]?.volume.engine === 'btrfs'
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
  const { store, config, emit, signal } = context
  emit({ type: 'phase', phase: 'copy', volume: id, detail: path })
  const source = openDirectory(path)
  try {
    const { engine } = chooseEngine(config.engine, path, store.directory)
    const base = engine.name === 'btrfs' ? noBase : findBase(catalog, id)
    const target = createStagedVolume(store, staging, id)
    const request: SnapshotRequest = {
      source,
      target,
      base: base.snapshot === undefined ? undefined : join(base.snapshot.path, id),
      baseIndex:
        base.snapshot === undefined ? undefined : join(base.snapshot.path, indexFileName(id)),
      index: join(staging, indexFileName(id)),
      seal: join(staging, sealFileName(id)),
      spare: base.snapshot === undefined ? undefined : findSpare(store, id),
      // a restore gave files times that its safety snapshot may hold with other contents
      checksum: options.checksum === true || base.snapshot?.record.kind === 'safety',
      lockDescriptor: lock.descriptor,
      signal,
      onProgress: reportProgress(context, id),
    }
    const { contents, reflink, warnings } = await engine
      .snapshot(request)
      .catch((error: unknown) => {
        if (!(error instanceof SpareError)) throw error
        emit({ type: 'warning', code: 'spare', volume: id, message: error.message })
        // whoever changed it can have staging open by now, so that is made anew
        createStagedVolume(store, staging, id)
        return engine.snapshot({ ...request, spare: undefined })
      })
    const volume: VolumeRecord = {
      id,
      path,
      engine: engine.name,
      ...(reflink === undefined ? {} : { reflink }),
      base: base.snapshot?.name ?? null,
      mountPoint: isMountPoint(readMounts(), path),
      contents,
    }
    if (options.allowEmpty !== true) assertSourceIsThere(volume, target, catalog)
    return {
      volume,
      warnings: [...base.warnings, ...warnings].map((warning) => ({ ...warning, volume: id })),
    }
  } finally {
    source.close()
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

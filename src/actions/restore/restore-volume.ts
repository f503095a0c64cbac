import { join } from 'node:path'
import type { PlannedRestore, RestoreRequest, RestoreStep } from '../../copy/engine.ts'
import { excludesOf } from '../../config/exclude.ts'
import { engineFor } from '../../copy/engines.ts'
import { leftOutCode } from '../../copy/left-out-attributes.ts'
import type { KnownTree } from '../../copy/index/knowledge.ts'
import { readIndex } from '../../copy/index/read-index.ts'
import { type Snapshot, readCatalog } from '../../store/catalog.ts'
import { syncFilesystem } from '../../store/durable.ts'
import { futureFirst } from '../../store/future.ts'
import { type StoreLayout, indexFileName } from '../../store/layout.ts'
import type { RecordWarning, VolumeRecord } from '../../store/record.ts'
import type { BytePath } from '../../tree/byte-path.ts'
import { Selection } from '../../tree/selection.ts'
import { unescapePath } from '../../tree/escaped-path.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { keptTimesOf } from '../../system/kept-times.ts'
import type { ActionContext, WriterContext } from '../context.ts'
import { type ProgressReport, reportProgress } from '../report-progress.ts'
import { explainFailure, inData } from '../explain-failure.ts'
import type { RestoreOptions } from './decide.ts'
import { type RestoreTarget, describeTarget, excludesOfRestore } from './targets.ts'
import { warnOfLostOwners } from './assert-owners-known.ts'

export interface VolumeRestore {
  id: string
  path: string
  /** The ID that it has in the snapshot, where that is another one. */
  from?: string
  /** Only these of it, as escapePath writes them. */
  paths?: string[]
  counts: PlannedRestore['counts']
}

/** What is needed to restore one volume. */
export interface VolumeRestoreRequest {
  options: RestoreOptions
  snapshot: Snapshot
  target: RestoreTarget
  /** What is known of the snapshot, by its index: the next snapshot takes that away. */
  wanted: KnownTree
  /** What the safety snapshot found changed in history, by its inode there. */
  historyChanged?: ReadonlyMap<BytePath, bigint> | undefined
  /**
   * Where there is no safety snapshot: what did not change since then is deleted when it is
   * replaced.
   */
  discardBefore?: bigint | undefined
}

/** A volume of which is known what a restore will do; both sides are open. */
export interface PlannedVolume extends Disposable {
  target: RestoreTarget
  plan: PlannedRestore
  progress: ProgressReport
}

/**
 * Compares one live volume with the snapshot.
 * Throws OperationError where the restore would have no room.
 */
export async function planVolume(
  context: WriterContext,
  request: VolumeRestoreRequest,
  onStep?: (step: RestoreStep) => void,
): Promise<PlannedVolume> {
  const { options, snapshot, target, wanted, historyChanged = new Map() } = request
  const { store, config, clock, signal, lock } = context
  const { id, path, from, keptMounts, only } = target
  using opening = new DisposableStack()
  const newest = findNewest(store, id, clock.now())

  // what is excluded now is not in the safety snapshot either, so there would be no way back
  const excludedNow = excludesOf(config.exclude, id)
  const progress = reportProgress(context, id)
  const copying: RestoreRequest = {
    source: opening.use(openDirectory(join(snapshot.path, from))),
    target: opening.use(openDirectory(path)),
    only: only === undefined ? undefined : new Selection(only),
    keepsNewer: options.keepNewer === true,
    keepsAdded: options.noDelete === true,
    readAll: options.readAll,
    wanted,
    lacking: snapshot.record.warnings.find(
      ({ code, volume }) => code === leftOutCode && volume === from,
    ),
    known: newest === undefined ? undefined : { ...readKnown(newest, id), historyChanged },
    discardBefore: request.discardBefore,
    times: keptTimesOf(store.own),
    except: keptMounts.map((mount) => mount.slice(path.length + 1)),
    exclude: excludesOfRestore(config.exclude, snapshot, target),
    unreadable: new Set([...unreadableIn(snapshot, from), ...unreadableIn(newest, id)]),
    lockDescriptor: lock.descriptor,
    signal,
    onProgress: progress.onProgress,
  }

  const volume = { path, exclude: excludedNow }
  const engine = engineFor(config.engine, volume, store.directory)
  const plan = await engine.planRestore(copying, onStep).catch(async (error: unknown) => {
    throw await explainFailure(error, inData(path), 'nothing was restored')
  })

  progress.end()
  plan.warnings.push(...warnOfLostOwners(snapshot, from))
  const opened = opening.move()
  return { target, plan, progress, [Symbol.dispose]: () => opened.dispose() }
}

/**
 * Throws OperationError where the live volume cannot take what is planned; nothing is changed then.
 */
export async function testWritesIn({ target: { path }, plan }: PlannedVolume): Promise<void> {
  try {
    await plan.testWrites()
  } catch (error) {
    throw await explainFailure(error, inData(path), 'nothing was restored')
  }
}

/** Makes a live volume equal to the snapshot, as planned, and sees it onto the disk. */
export async function applyVolume(
  context: ActionContext,
  { target, plan, progress }: PlannedVolume,
): Promise<{ restored: VolumeRestore; warnings: RecordWarning[] }> {
  const { id, path, keptMounts } = target
  context.emit({ type: 'phase', phase: 'restore', volume: id, detail: path })

  for (const mount of keptMounts) {
    context.emit({
      type: 'warning',
      code: 'mount-kept',
      volume: id,
      message: `${mount} is mounted inside ${path}, or a subvolume, and is left as it is`,
    })
  }

  try {
    const warnings = [...plan.warnings, ...(await plan.apply())]
    progress.end()
    await syncFilesystem(path)
    const restored = { ...describeTarget(target), counts: plan.counts }
    return { restored, warnings: warnings.map((warning) => ({ ...warning, volume: id })) }
  } catch (error) {
    throw await explainFailure(error, inData(path), 'the restore is not complete')
  }
}

/** The newest snapshot of the volume: after the safety snapshot, what the live data are. */
function findNewest(store: StoreLayout, id: string, now: Date): Snapshot | undefined {
  const { snapshots } = futureFirst(readCatalog(store), now)
  return snapshots.findLast((snapshot) => volumeIn(snapshot, id) !== undefined)
}

/** What is known now of a volume in a snapshot. */
export function readKnown(snapshot: Snapshot, id: string): KnownTree {
  return {
    tree: join(snapshot.path, id),
    index: readIndex(join(snapshot.path, indexFileName(id))),
    keptInodes: volumeIn(snapshot, id)?.engine === 'btrfs',
  }
}

function unreadableIn(snapshot: Snapshot | undefined, id: string): BytePath[] {
  if (snapshot === undefined) return []
  return (volumeIn(snapshot, id)?.unreadable ?? []).map(unescapePath)
}

function volumeIn({ record }: Snapshot, id: string): VolumeRecord | undefined {
  return record.volumes.find((volume) => volume.id === id)
}

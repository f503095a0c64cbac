import { join } from 'node:path'
import type { CopyEngine, PlannedRestore, RestoreRequest, RestoreStep } from '../copy/engine.ts'
import { chooseEngine } from '../copy/choose-engine.ts'
import type { KnownTree } from '../copy/knowledge.ts'
import { readIndex } from '../copy/scan/read-index.ts'
import { type Snapshot, readCatalog } from '../store/catalog.ts'
import { syncFilesystem } from '../store/durable.ts'
import { type StoreLayout, indexFileName } from '../store/layout.ts'
import type { Lock } from '../store/lock.ts'
import type { RecordWarning } from '../store/record.ts'
import type { BytePath } from '../tree/byte-path.ts'
import { openDirectory } from '../tree/directory-handle.ts'
import { keptTimesOf } from '../system/kept-times.ts'
import type { ActionContext } from './context.ts'
import { reportProgress } from './report-progress.ts'
import { explainFailure } from './explain-failure.ts'
import type { RestoreWish } from './restore-decision.ts'
import type { RestoreTarget } from './restore-targets.ts'

export interface VolumeRestore {
  id: string
  path: string
  counts: PlannedRestore['counts']
}

/** What is needed to restore one volume. */
export interface VolumeRestoreRequest {
  lock: Lock
  wish: RestoreWish
  snapshot: Snapshot
  target: RestoreTarget
  /** What is known of the snapshot, by its index: the next snapshot takes that away. */
  wanted: KnownTree
  /** What the safety snapshot found changed in history, by its inode there. */
  historyChanged?: ReadonlyMap<BytePath, bigint>
}

/** A volume of which is known what a restore will do; both sides are open. */
export interface PlannedVolume extends Disposable {
  target: RestoreTarget
  plan: PlannedRestore
}

/**
 * Compares one live volume with the snapshot.
 * Throws OperationError where the restore would have no room.
 */
export async function planVolume(
  context: ActionContext,
  { lock, wish, snapshot, target, wanted, historyChanged = new Map() }: VolumeRestoreRequest,
  onStep?: (step: RestoreStep) => void,
): Promise<PlannedVolume> {
  const { store, config, signal } = context
  const { id, path, keptMounts } = target
  using opening = new DisposableStack()
  const known = findKnown(store, id)
  const request: RestoreRequest = {
    source: opening.use(openDirectory(join(snapshot.path, id))),
    target: opening.use(openDirectory(path)),
    readAll: wish.readAll,
    wanted,
    known: known === undefined ? undefined : { ...known, historyChanged },
    times: keptTimesOf(store.own),
    except: keptMounts.map((mount) => mount.slice(path.length + 1)),
    lockDescriptor: lock.descriptor,
    signal,
    onProgress: reportProgress(context, id),
  }
  const engine: CopyEngine = chooseEngine(config.engine, path, store.directory).engine
  const plan = await engine.planRestore(request, onStep)
  const opened = opening.move()
  return { target, plan, [Symbol.dispose]: () => opened.dispose() }
}

/** Throws OperationError where the live volume cannot take what is planned; nothing is changed then. */
export async function tryVolume({ target: { path }, plan }: PlannedVolume): Promise<void> {
  try {
    plan.tryTarget()
  } catch (error) {
    throw await explainFailure(
      error,
      { what: 'the data in', path, whenFull: 'free space there first' },
      'nothing was restored',
    )
  }
}

/** Makes a live volume equal to the snapshot, as planned, and sees it onto the disk. */
export async function applyVolume(
  context: ActionContext,
  { target: { id, path, keptMounts }, plan }: PlannedVolume,
): Promise<{ restored: VolumeRestore; warnings: RecordWarning[] }> {
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
    await syncFilesystem(path)
    const restored = { id, path, counts: plan.counts }
    return { restored, warnings: warnings.map((warning) => ({ ...warning, volume: id })) }
  } catch (error) {
    throw await explainFailure(
      error,
      { what: 'the data in', path, whenFull: 'free space there first' },
      'the restore is not complete',
    )
  }
}

/** The newest snapshot of the volume: after the safety snapshot, what the live data are. */
function findKnown(store: StoreLayout, id: string): KnownTree | undefined {
  const newest = readCatalog(store).snapshots.findLast((snapshot) => holdsVolume(snapshot, id))
  return newest === undefined ? undefined : readKnown(newest, id)
}

/** What is known now of a volume in a snapshot. */
export function readKnown({ path, record }: Snapshot, id: string): KnownTree {
  const held = record.volumes.find((volume) => volume.id === id)
  return {
    tree: join(path, id),
    index: readIndex(join(path, indexFileName(id))),
    keptInodes: held?.engine === 'btrfs',
  }
}

function holdsVolume({ record }: Snapshot, id: string): boolean {
  return record.volumes.some((volume) => volume.id === id)
}

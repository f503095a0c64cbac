import { join } from 'node:path'
import type { CopyEngine, RestoreCounts, RestoreRequest } from '../copy/engine.ts'
import { chooseEngine } from '../copy/choose-engine.ts'
import { type Snapshot, readCatalog } from '../store/catalog.ts'
import { syncFilesystem } from '../store/durable.ts'
import { type StoreLayout, indexFileName } from '../store/layout.ts'
import type { Lock } from '../store/lock.ts'
import { openDirectory } from '../system/directory-handle.ts'
import type { ActionContext } from './context.ts'
import { reportProgress } from './report-progress.ts'
import { explainFailure } from './explain-failure.ts'
import type { RestoreWish } from './restore-decision.ts'
import type { RestoreTarget } from './restore-targets.ts'

export interface VolumeRestore {
  id: string
  path: string
  counts: RestoreCounts
}

/** Makes one live volume equal to the snapshot, and sees it onto the disk. */
export async function restoreVolume(
  context: ActionContext,
  lock: Lock,
  wish: RestoreWish,
  snapshot: Snapshot,
  target: RestoreTarget,
): Promise<VolumeRestore> {
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
    const counts = await withVolume(context, lock, wish, snapshot, target, (engine, request) =>
      engine.restore(request),
    )
    await syncFilesystem(path)
    return { id, path, counts }
  } catch (error) {
    throw await explainFailure(
      error,
      { what: 'the data in', path, whenFull: 'free space there first' },
      'the restore is not complete',
    )
  }
}

/** Opens both sides of a volume's restore and calls `work` with the engine that does it, or plans it. */
export async function withVolume<T>(
  context: ActionContext,
  lock: Lock,
  wish: RestoreWish,
  snapshot: Snapshot,
  { id, path, keptMounts }: RestoreTarget,
  work: (engine: CopyEngine, request: RestoreRequest) => Promise<T>,
): Promise<T> {
  const { store, config, signal } = context
  using source = openDirectory(join(snapshot.path, id))
  using target = openDirectory(path)
  return await work(chooseEngine(config.engine, path, store.directory).engine, {
    source,
    target,
    readAll: wish.readAll,
    known: findKnown(store, id),
    keptInodes: isOfEngine(snapshot, id, 'btrfs'),
    except: keptMounts.map((mount) => mount.slice(path.length + 1)),
    lockDescriptor: lock.descriptor,
    signal,
    onProgress: reportProgress(context, id),
  })
}

/** The newest snapshot of the volume: after the safety snapshot, what the live data are. */
function findKnown(store: StoreLayout, id: string): { tree: string; index: string } | undefined {
  const newest = readCatalog(store).snapshots.findLast((snapshot) => holdsVolume(snapshot, id))
  if (newest === undefined) return undefined
  return { tree: join(newest.path, id), index: join(newest.path, indexFileName(id)) }
}

function holdsVolume({ record }: Snapshot, id: string): boolean {
  return record.volumes.some((volume) => volume.id === id)
}

function isOfEngine({ record }: Snapshot, id: string, engine: string): boolean {
  return record.volumes.some((volume) => volume.id === id && volume.engine === engine)
}

import { join } from 'node:path'
import { excludesOf } from '../../config/exclude.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { OperationError, SourceError, isNotFound } from '../../errors.ts'
import { noChangeTimes } from '../../copy/choose-engine.ts'
import { engineFor } from '../../copy/engines.ts'
import type { CopyEngine, SnapshotCopy, SnapshotRequest } from '../../copy/engine.ts'
import { leftOutCode } from '../../copy/left-out-attributes.ts'
import { type Catalog, type Snapshot, isAside } from '../../store/catalog.ts'
import { syncFilesystem } from '../../store/durable.ts'
import { type StoreLayout, indexFileName } from '../../store/layout.ts'
import type { RecordWarning, VolumeRecord } from '../../store/record.ts'
import { adoptPrelinked } from '../../store/prelinked.ts'
import { isRestoredOver } from '../../store/restore-journal.ts'
import { createStagedVolume } from '../../store/staging.ts'
import { type DirectoryHandle, openDirectory } from '../../tree/directory-handle.ts'
import type { BytePath } from '../../tree/byte-path.ts'
import { hasChangeTimes } from '../../system/mounted-filesystem.ts'
import { isMountPoint, readMounts } from '../../system/mounts.ts'
import { assertSourceIsThere, warnOfNoFiles } from '../check-source.ts'
import type { ActionContext, WriterContext } from '../context.ts'
import { type Base, findBase, noBase } from './find-base.ts'
import { type ProgressReport, reportProgress } from '../report-progress.ts'
import { checkOwners } from '../unknown-owners.ts'
import { recordUnreadable, warnOfUnreadable } from './unreadable.ts'
import { identify, recordOfDirectory } from './volume-identity.ts'

export interface CopyOptions {
  /** Compare contents, so that a change that kept size and time is captured too. */
  checksum: boolean
  /** Compare all contents, whatever is known of them. */
  provesNothing: boolean
  /** Take it although a volume has no files now and had some before. */
  allowEmpty: boolean
  /** Data will be held still for the end of it: do before whatever can be done before. */
  isHeld: boolean
  /** Where the copy is of a clone: what that was made of, while it is there. */
  clone?: { of: Snapshot | undefined } | undefined
}

export interface VolumeCopy {
  volume: VolumeRecord
  /** Whether anything was written while it was read, as far as the engine looks. */
  hasMoved: boolean
  warnings: RecordWarning[]
  /** What somebody changed in the snapshot before, by its inode there. */
  historyChanged: ReadonlyMap<BytePath, bigint>
}

/** What a copy of a volume is made by. */
interface CopyPlan {
  context: ActionContext
  options: CopyOptions
  catalog: Catalog
  volume: VolumeSpec
  exclude: string[]
  engine: CopyEngine
  root: VolumeRecord['root']
  base: Base
  progress: ProgressReport
  request: SnapshotRequest
}

/** Opens a volume to copy it into `staging`; with `isHeld` in two passes, where its engine can. */
export function openVolumeCopy(
  context: WriterContext,
  options: CopyOptions,
  catalog: Catalog,
  staging: string,
  volume: VolumeSpec,
): VolumeCopying {
  const { store, config, signal } = context
  const { id, path } = volume
  using opening = new DisposableStack()
  const source = opening.use(openSource(path))

  const exclude = excludesOf(config.exclude, id)
  const engine = engineForCopy(context, options, { path, exclude })
  const root = identify(source)
  const base = engine.name === 'btrfs' ? noBase : chooseBase(catalog, { id, root }, options.clone)
  const target = createStagedVolume(staging, id)
  const progress = reportProgress(context, id)

  const request: SnapshotRequest = {
    source,
    target,
    ...requestOfBase(base),
    index: join(staging, indexFileName(id)),
    exclude,
    leavesUnreadable: config.onUnreadable === 'flag',
    isPrelinked: false,
    isTwoPass: options.isHeld && engine.hasSecondPass,
    checksum: options.checksum || isBeforeRestore(store, id, base.snapshot),
    provesNothing: options.provesNothing,
    lockDescriptor: context.lock.descriptor,
    signal,
    onProgress: progress.onProgress,
  }

  const plan = { context, options, catalog, volume, exclude, engine, root, base, progress, request }
  return new VolumeCopying(plan, opening.move())
}

/** A volume on its way into staging. */
export class VolumeCopying implements Disposable {
  readonly #plan: CopyPlan
  readonly #opened: Disposable
  #first: SnapshotCopy | undefined
  #ownerWarnings: readonly RecordWarning[] = []

  constructor(plan: CopyPlan, opened: Disposable) {
    this.#plan = plan
    this.#opened = opened
  }

  [Symbol.dispose](): void {
    this.#opened[Symbol.dispose]()
  }

  /** All that can be done while the data still move; nothing where they are not to be held. */
  async prepare(): Promise<void> {
    const { options, request } = this.#plan
    if (!options.isHeld) return
    if (request.isTwoPass) this.#first = await this.#copyOnce()
    // what is written to the disk now is not waited for while the data are held
    await syncFilesystem(request.source.cwd)
  }

  /**
   * Makes the copy what the source is now. Calls `onRead` once, when that is not needed any more.
   */
  async finish(onRead: () => void): Promise<VolumeCopy> {
    const { options, catalog, base, progress, request } = this.#plan
    const first = this.#first
    const copy =
      first?.update === undefined ? await this.#copyWhole(onRead) : await first.update(onRead)
    progress.end()

    const volume = this.#record(copy)
    if (!options.allowEmpty) assertSourceIsThere(volume, request.target, catalog)
    const empty = options.allowEmpty ? [] : warnOfNoFiles(volume, request.target, catalog)

    const warnings = [
      ...base.warnings,
      ...this.#ownerWarnings,
      ...copy.warnings,
      ...warnOfUnreadable(copy),
      ...empty,
    ]

    return {
      volume,
      hasMoved: copy.hasMoved === true,
      warnings: warnings.map((warning) => ({ ...warning, volume: volume.id })),
      historyChanged: new Map([...(first?.historyChanged ?? []), ...(copy.historyChanged ?? [])]),
    }
  }

  async #copyWhole(onRead: () => void): Promise<SnapshotCopy> {
    const copy = await this.#copyOnce()
    onRead()
    return copy
  }

  async #copyOnce(): Promise<SnapshotCopy> {
    const { context, volume, exclude, engine, base, request } = this.#plan
    const { store, emit, signal } = context
    const { id, path } = volume
    const { source, target } = request
    emit({ type: 'phase', phase: 'copy', volume: id, detail: path })

    // a snapshot of a subvolume is the kernel's, which knows all owners
    if (engine.name !== 'btrfs') {
      this.#ownerWarnings = await checkOwners(id, source, exclude, signal)
    }

    if (base.snapshot === undefined && engine.name === 'link' && !hasChangeTimes(source.here)) {
      emit({ type: 'warning', code: 'contents-compared', volume: id, message: noChangeTimes(path) })
    }

    if (base.snapshot !== undefined && engine.usesPrelinked) {
      request.isPrelinked = await adoptPrelinked(store, base.snapshot.name, base.id, target)
    }

    return engine.snapshot(request)
  }

  #record(copy: SnapshotCopy): VolumeRecord {
    const { volume, options, exclude, engine, root, base, request } = this.#plan
    const { id, path } = volume
    const cloned = options.clone?.of?.record.volumes.find((one) => one.id === id)
    const configured = this.#plan.context.config.volumes.find((one) => one.id === id)
    // where the application has it
    const own = options.clone === undefined ? path : (cloned?.path ?? configured?.path ?? path)

    return {
      id,
      path: own,
      engine: engine.name,
      ...(copy.reflink === undefined ? {} : { reflink: copy.reflink }),
      base: base.snapshot?.name ?? null,
      ...(base.id === undefined || base.id === id ? {} : { baseVolume: base.id }),
      ...(exclude.length === 0 ? {} : { exclude }),
      ...recordUnreadable(copy),
      ...recordOfDirectory(request.source, root),
      mountPoint: isMountPoint(readMounts(), path),
      contents: copy.contents,
    }
  }
}

/** Of a clone nothing is known by inodes, and link would copy all of it: rsync compares contents. */
function engineForCopy(
  { config, store }: WriterContext,
  { clone }: CopyOptions,
  volume: { path: string; exclude: string[] },
): CopyEngine {
  const engine = engineFor(config.engine, volume, store.directory)
  const isOfClone = clone !== undefined && engine.name === 'link'
  return isOfClone ? engineFor('rsync', volume, store.directory) : engine
}

function chooseBase(
  catalog: Catalog,
  volume: Pick<VolumeRecord, 'id' | 'root'>,
  clone: CopyOptions['clone'],
): Base {
  if (clone === undefined) return findBase(catalog, volume)
  const cloned = clone.of
  // nothing can be linked out of a subvolume
  const isSubvolume = cloned?.record.volumes.some(
    ({ id, engine }) => id === volume.id && engine === 'btrfs',
  )
  return cloned === undefined || isSubvolume === true
    ? noBase
    : { snapshot: cloned, id: volume.id, warnings: [] }
}

function requestOfBase({
  snapshot,
  id,
}: Base): Pick<SnapshotRequest, 'base' | 'baseIndex' | 'baseLeftOut'> {
  if (snapshot === undefined) return { base: undefined, baseIndex: undefined }
  return {
    base: join(snapshot.path, id),
    baseIndex: join(snapshot.path, indexFileName(id)),
    baseLeftOut: snapshot.record.warnings.find(
      ({ code, volume }) => code === leftOutCode && volume === id,
    ),
  }
}

/** Whether a restore came after it, which gave files times that it may hold with other contents. */
function isBeforeRestore(store: StoreLayout, id: string, base: Snapshot | undefined): boolean {
  return base !== undefined && (isAside(base) || isRestoredOver(store, id, base.name))
}

function openSource(path: string): DirectoryHandle {
  try {
    return openDirectory(path)
  } catch (error) {
    if (!(error instanceof OperationError && isNotFound(error.cause))) throw error
    throw new SourceError(error.problem, { cause: error, fix: error.fix })
  }
}

import { messageOf, throwIfInterrupted } from '../../errors.ts'
import { excludesOf } from '../../config/exclude.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { warmUpEngines } from '../../copy/engines.ts'
import { type Catalog, type Snapshot, readCatalog } from '../../store/catalog.ts'
import { type UnacceptedChange, acceptChanges, noteChanges } from '../../store/changes.ts'
import { futureFirst, isFuture, recordedSnapshots } from '../../store/future.ts'
import { formatSnapshotName, nextSnapshotTime } from '../../store/names.ts'
import { publishSnapshot } from '../../store/publish.ts'
import type { RecordWarning, SnapshotRecord } from '../../store/record.ts'
import {
  explainInterruptedRestore,
  isRestoredOver,
  readInterruptedRestore,
} from '../../store/restore-journal.ts'
import { createStaging, discardStaging } from '../../store/staging.ts'
import { assertVolumesApart, assertVolumesMounted } from '../check-volumes.ts'
import { findClockJump, noteClock } from '../clock-jump.ts'
import { type ActionContext, type WriterContext, asWriter } from '../context.ts'
import { emitWarnings } from '../events.ts'
import { type VolumeCopy, openVolumeCopy } from './copy-volume.ts'
import { copyVolumes, withVolumes } from './copy-volumes.ts'
import { dropIndexes, dropUsedLinks } from './drop-served.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import type { Hold } from '../consumers/hold.ts'
import { planHold } from '../consumers/hold-consumers.ts'
import { judgeChanges } from './judge-changes.ts'
import { type RecordOptions, type SnapshotTime, makeRecord } from './make-record.ts'
import { codesOf, logged } from '../log-act.ts'
import { applyRetention } from '../store/prune.ts'
import { waitForSecond } from './clock-behind.ts'

export interface SnapshotOptions extends RecordOptions {
  /** Take it although a volume has no files now and had some before. */
  allowEmpty?: boolean
  /** Compare contents, so that a change that kept size and time is captured too. */
  checksum?: boolean
  /** The data are what they should be, however many of them are others than before. */
  acceptChanges?: boolean
}

export interface SnapshotResult {
  record: SnapshotRecord
  /** The names that retention removed afterwards. */
  removed: string[]
  /** Those of the record, and what went wrong when it was published already. */
  warnings: RecordWarning[]
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
    config.volumes.map(({ id, path }) => ({ path, exclude: excludesOf(config.exclude, id) })),
    store.directory,
  )

  context.emit({ type: 'phase', phase: 'lock' })
  const { kind } = options

  return logged(
    context,
    { act: 'snapshot', kind, volumes: config.volumes.map(({ id }) => id) },
    async () => writeAndPrune(context, options),
    ({ record, removed, warnings }) => {
      return { snapshot: record.name, removed, warnings: codesOf(warnings) }
    },
  )
}

async function writeAndPrune(
  context: ActionContext,
  options: SnapshotOptions,
): Promise<SnapshotResult> {
  return asWriter(context, `${options.kind} snapshot`, async (writer) => {
    const interrupted = readInterruptedRestore(context.store)
    if (interrupted !== undefined) throw explainInterruptedRestore(interrupted)

    const jump = findClockJump(context.store, context.clock.now())
    const { record } = await writeSnapshot(writer, options, context.config.volumes)
    context.emit({ type: 'phase', phase: 'prune' })
    const pruned = await pruneAfter(context, record, jump)
    noteClock(context)
    return { record, ...pruned }
  })
}

/** The snapshot is there, whatever becomes of older ones. */
async function pruneAfter(
  context: ActionContext,
  { name, warnings }: SnapshotRecord,
  jump: string | undefined,
): Promise<Omit<SnapshotResult, 'record'>> {
  try {
    const pruned = await applyRetention(context, jump)
    emitWarnings(context.emit, pruned.warnings)
    return { ...pruned, warnings: [...warnings, ...pruned.warnings] }
  } catch (error) {
    const message = `${name} is published, and older ones could not be removed: ${messageOf(error)}`
    const warning: RecordWarning = { code: 'prune', message }
    emitWarnings(context.emit, [warning])
    return { removed: [], warnings: [...warnings, warning] }
  }
}

export interface WriteOptions extends SnapshotOptions {
  /**
   * Compare contents where nothing is proven, so that a change that kept size and time is captured
   * too.
   */
  exact?: boolean
  /** How the data are held still; by default what SNAP_QUIESCE and the labels of consumers say. */
  hold?: Hold
  /**
   * For a snapshot of a clone, whose data are in the store: what the clone was made of, while that
   * is there.
   */
  cloned?: Snapshot | undefined
}

export interface WrittenSnapshot {
  record: SnapshotRecord
  copies: VolumeCopy[]
}

/**
 * Copies, checks and publishes, as the only writer; the part that a restore uses for its
 * safety.
 */
export async function writeSnapshot(
  context: WriterContext,
  options: WriteOptions,
  volumes: readonly VolumeSpec[],
): Promise<WrittenSnapshot> {
  const { store } = context
  if (options.kind !== 'clone') {
    assertVolumesApart(store.directory, volumes)
    assertVolumesMounted(volumes, context.inImage)
  }
  await discardStaging(store)

  const taken = await waitForTime(context)
  const name = formatSnapshotName(taken.time)
  const hold =
    options.hold ?? (await planHold(context, { kind: 'snapshot', snapshot: name }, volumes))

  try {
    return await copyAndPublish(context, options, volumes, taken, hold)
  } catch (error) {
    // there is no record for them
    emitWarnings(context.emit, hold.report().warnings)
    const explained = await explainFailure(error, inStore(store.directory), 'nothing was published')
    await discardStaging(store)
    throw explained
  } finally {
    await dropUsedLinks(context)
  }
}

/** Finds a name that no snapshot has, and waits until its second has come. */
async function waitForTime(context: ActionContext): Promise<SnapshotTime> {
  const startedAt = context.clock.now()
  const catalog = futureFirst(readCatalog(context.store), startedAt)
  const newest = recordedSnapshots(catalog).findLast(({ time }) => !isFuture(time, startedAt))
  const time = nextSnapshotTime(startedAt, newest?.time, catalog.names)
  await waitForSecond(context, time)
  return { startedAt, time, catalog }
}

async function copyAndPublish(
  context: WriterContext,
  options: WriteOptions,
  volumes: readonly VolumeSpec[],
  taken: SnapshotTime,
  hold: Hold,
): Promise<WrittenSnapshot> {
  const { store, signal, emit } = context
  const { catalog } = taken
  const staging = createStaging(store)
  const copyOptions = {
    checksum: options.checksum === true || options.exact === true,
    provesNothing: options.checksum === true,
    allowEmpty: options.allowEmpty === true,
    isHeld: hold.isNeeded,
    clone: options.kind === 'clone' ? { of: options.cloned } : undefined,
  }

  const copies = await withVolumes(
    volumes.map((volume) => () => openVolumeCopy(context, copyOptions, catalog, staging, volume)),
    async (copyings) => copyVolumes(hold, copyings),
  )
  const changes = findChanges(context, options, copies, catalog)

  emit({ type: 'phase', phase: 'publish' })
  const record = makeRecord(context, options, taken, hold.report(), copies, changes)
  throwIfInterrupted(signal)

  // before there is a snapshot of what it is now, which would be the base of the next one
  noteChanges(store, changes)
  await publishSnapshot(store, staging, record)

  if (options.acceptChanges === true) acceptChanges(store)
  dropIndexes(context, record)
  emitWarnings(emit, record.warnings)
  emit({ type: 'published', name: record.name, kind: record.kind })
  return { record, copies }
}

/** What somebody replaces, or did to a clone, is no news of the live data. */
function findChanges(
  { store, config }: ActionContext,
  { kind, acceptChanges: areAccepted }: SnapshotOptions,
  copies: readonly VolumeCopy[],
  catalog: Catalog,
): UnacceptedChange[] {
  if (kind === 'safety' || kind === 'clone' || areAccepted === true) return []
  return copies.flatMap(({ volume }) => {
    const { id, base } = volume
    const isRestored = base !== null && isRestoredOver(store, id, base)
    return judgeChanges(volume, catalog, config.changeLimit, isRestored) ?? []
  })
}

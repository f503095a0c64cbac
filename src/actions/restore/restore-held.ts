import { InterruptedError, OperationError, messageOf } from '../../errors.ts'
import {
  type RestoreJournal,
  explainInterruptedRestore,
  readRestoreJournal,
  writeRestoreJournal,
} from '../../store/restore-journal.ts'
import type { RecordWarning } from '../../store/record.ts'
import type { ActionContext, WriterContext } from '../context.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import type { Hold, RanBefore } from '../consumers/hold.ts'
import { noteAct } from '../log-act.ts'
import { containersToRunAfter } from '../consumers/ran-before.ts'
import type { ResolvedRestore, RestoreOptions } from './decide.ts'
import {
  type PlannedVolume,
  type VolumeRestore,
  type VolumeRestoreRequest,
  applyVolume,
  planVolume,
  readKnown,
  testWritesIn,
} from './restore-volume.ts'
import { describeTarget } from './targets.ts'
import { type Safety, listUnsaved, takeSafety } from './safety-snapshot.ts'
import { type UseCheck, refuseOpenFiles } from './use-check.ts'

export interface RestoreResult {
  snapshot: string
  /** The snapshot that `restore --undo` goes back to; null without one. */
  safety: string | null
  leavesRunning: boolean
  volumes: VolumeRestore[]
  /** Of volumes, open files, and containers that did not come back. */
  warnings: RecordWarning[]
}

/** A restore that has been decided, and whose data are held. */
export interface HeldRestore {
  options: RestoreOptions
  resolved: ResolvedRestore
  hold: Hold
  use: UseCheck
  ranBefore: RanBefore | undefined
  /** Whether nobody is stopped: only files are restored, and nobody had one open. */
  leavesRunning: boolean
}

/** The part of a restore during which nothing else may use the data. */
export async function restoreHeld(
  context: WriterContext,
  restore: HeldRestore,
): Promise<RestoreResult> {
  const { options, resolved, hold, use } = restore
  const { snapshot, targets } = resolved
  // first, because the safety snapshot removes the index of the snapshot before it
  const known = targets.map((target) => ({ target, wanted: readKnown(snapshot, target.from) }))
  const safety = await takeSafety(context, options, resolved, hold)

  using opened = new DisposableStack()
  const planned: PlannedVolume[] = []
  for (const one of known) {
    planned.push(opened.use(await planAfterSafety(context, restore, safety, one)))
  }

  const openFileWarnings = await refuseOpenFiles(use, options, targets, hold)
  for (const volume of planned) await testWritesIn(volume)

  const journal = makeJournal(context, restore, safety)
  await writeJournal(context, journal)
  await noteBegun(context, journal)
  const { restored, warnings } = await applyAll(context, planned, journal)

  // a restore of its own undo snapshot: the next undo goes to the data that were just replaced
  const undoSnapshot = journal.safety === snapshot.name ? safety.name : journal.safety
  const finishedAt = context.clock.now().toISOString()
  await writeJournal(context, { ...journal, safety: undoSnapshot, finishedAt })

  return {
    snapshot: snapshot.name,
    safety: undoSnapshot,
    leavesRunning: restore.leavesRunning,
    volumes: restored,
    warnings: [...openFileWarnings, ...warnings],
  }
}

/** Compares one volume; the safety snapshot has found what somebody changed in history. */
async function planAfterSafety(
  context: WriterContext,
  { options, resolved, use }: HeldRestore,
  { copies, discardBefore }: Safety,
  { target, wanted }: Pick<VolumeRestoreRequest, 'target' | 'wanted'>,
): Promise<PlannedVolume> {
  const { snapshot } = resolved
  const historyChanged = copies.find(({ volume }) => volume.id === target.id)?.historyChanged
  const request = { options, snapshot, target, wanted, historyChanged, discardBefore }
  return planVolume(context, request, (step) => use.note(target, step))
}

function makeJournal(
  context: ActionContext,
  { options, resolved, hold, ranBefore }: HeldRestore,
  safety: Safety,
): RestoreJournal {
  const { snapshot, targets } = resolved
  const before = readRestoreJournal(context.store)
  const interrupted = before?.finishedAt === null ? before : undefined

  return {
    schema: 1,
    snapshot: snapshot.name,
    // after an interrupted restore, undo goes to the data before that one, not to the mixture
    safety: interrupted === undefined ? safety.name : interrupted.safety,
    undo: options.undo,
    volumes: targets.map(describeTarget),
    ...(options.keepNewer === true && { keepNewer: true }),
    ...(options.noDelete === true && { noDelete: true }),
    ...listUnsaved(context, before, targets, safety),
    consumers: containersToRunAfter(context, hold, ranBefore),
    startedAt: context.clock.now().toISOString(),
    finishedAt: null,
  }
}

async function noteBegun(
  context: ActionContext,
  { undo, snapshot, safety, volumes }: RestoreJournal,
): Promise<void> {
  const begun = {
    act: 'restore',
    outcome: 'begun',
    ...(undo && { kind: 'undo' }),
    snapshot,
    ...(safety !== null && { safety }),
    volumes: volumes.map(({ id }) => id),
  } as const
  await noteAct(context, begun, context.clock.now())
}

/**
 * Restores the volumes in order. An error in between leaves some restored and some not, and names
 * the next step.
 */
async function applyAll(
  context: ActionContext,
  planned: readonly PlannedVolume[],
  journal: RestoreJournal,
): Promise<{ restored: VolumeRestore[]; warnings: RecordWarning[] }> {
  const restored: VolumeRestore[] = []
  const warnings: RecordWarning[] = []
  try {
    for (const volume of planned) {
      const done = await applyVolume(context, volume)
      restored.push(done.restored)
      warnings.push(...done.warnings)
    }
  } catch (error) {
    throw withNextStep(error, journal)
  }

  return { restored, warnings }
}

/** Whatever ends a restore half-way says that the live data are a mixture, and how to go on. */
function withNextStep(error: unknown, journal: RestoreJournal): OperationError {
  const nextStep = explainInterruptedRestore(journal)
  return error instanceof InterruptedError
    ? new InterruptedError(`interrupted: ${nextStep.problem}`, { cause: error, fix: nextStep.fix })
    : new OperationError(`${messageOf(error)}; ${nextStep.problem}`, {
        cause: error,
        fix: nextStep.fix,
      })
}

async function writeJournal({ store }: ActionContext, journal: RestoreJournal): Promise<void> {
  try {
    writeRestoreJournal(store, journal)
  } catch (error) {
    const state =
      journal.finishedAt === null
        ? 'nothing was restored'
        : 'the live data are as they should be, but the journal does not say so: run the same command again'
    throw await explainFailure(error, inStore(store.directory), state)
  }
}

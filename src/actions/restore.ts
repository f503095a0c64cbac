import type { RestoreAction } from '../copy/engine.ts'
import { InterruptedError, OperationError, messageOf } from '../errors.ts'
import {
  type RestoreJournal,
  describeInterruptedRestore,
  readInterruptedRestore,
  writeRestoreJournal,
} from '../store/restore-journal.ts'
import type { Lock } from '../store/lock.ts'
import type { RecordWarning } from '../store/record.ts'
import { displayPath } from '../tree/byte-path.ts'
import { type ActionContext, asWriter, withStoreLock } from './context.ts'
import { explainFailure, inStore } from './explain-failure.ts'
import { type Hold, asHeldBy } from './hold.ts'
import { planHold } from './hold-consumers.ts'
import { type RestoreDecision, type RestoreWish, decideRestore } from './restore-decision.ts'
import {
  type PlannedVolume,
  type VolumeRestore,
  applyVolume,
  planVolume,
  readKnown,
  tryVolume,
} from './restore-volume.ts'
import { writeSnapshot } from './take-snapshot.ts'
import { waitUntilHealthy } from './wait-until-healthy.ts'

/** What is planned for one entry, with its path as text. */
export interface PlannedStep {
  action: RestoreAction
  path: string
}

export interface RestorePlan {
  snapshot: string
  volumes: (VolumeRestore & { steps: PlannedStep[]; stepsLeftOut: number; keptMounts: string[] })[]
}

export interface RestoreResult {
  snapshot: string
  /** The snapshot of what was replaced. */
  safety: string
  volumes: VolumeRestore[]
  /** What went wrong around it, such as a container that did not come back. */
  warnings: RecordWarning[]
}

const mostSteps = 10_000

/**
 * Compares the snapshot with the live data and says what a restore would do; changes nothing.
 * Throws OperationError where the restore itself would refuse, but for what only a try in the live data
 * tells.
 */
export async function planRestore(context: ActionContext, wish: RestoreWish): Promise<RestorePlan> {
  return withStoreLock(context, 'restore plan', async (lock) => {
    const { snapshot, targets } = decideRestore(context, wish)
    const plan: RestorePlan = { snapshot: snapshot.name, volumes: [] }
    for (const target of targets) {
      const steps: PlannedStep[] = []
      let stepsLeftOut = 0
      using planned = await planVolume(
        context,
        { lock, wish, snapshot, target, wanted: readKnown(snapshot, target.id) },
        ({ action, path: at }) => {
          if (steps.length < mostSteps) steps.push({ action, path: displayPath(at) })
          else stepsLeftOut += 1
        },
      )
      const { id, path, keptMounts } = target
      const { counts, warnings } = planned.plan
      for (const warning of warnings) context.emit({ type: 'warning', volume: id, ...warning })
      plan.volumes.push({ id, path, counts, steps, stepsLeftOut, keptMounts })
    }
    return plan
  })
}

/**
 * Makes live volumes equal to a snapshot. What is replaced is in a safety snapshot before the first byte
 * changes, and the journal says from then until the end that the live data are a mixture.
 * Throws OperationError when it refuses (nothing changed) or fails (the journal stays, and every command says so).
 */
export async function restore(context: ActionContext, wish: RestoreWish): Promise<RestoreResult> {
  context.emit({ type: 'phase', phase: 'lock' })
  return asWriter(context, 'restore', async (lock) => {
    const decision = decideRestore(context, wish)
    const purpose = { kind: 'restore', snapshot: decision.snapshot.name } as const
    const hold = await planHold(context, purpose, decision.targets)
    const { result, failure } = await attempt(async () => {
      await hold.begin()
      if (hold.notHeld.length > 0) throw stillRunning(hold)
      return restoreHeld(context, lock, wish, decision, hold)
    })
    const released = await attempt(async () => hold.release())
    const unhealthy = failure === undefined ? await waitUntilHealthy(context, hold) : []
    const error = failure ?? released.failure
    await hold.end(error)
    // who did not come back is told of whatever became of the data
    const warnings = [...hold.report().warnings, ...unhealthy]
    if (result !== undefined && error === undefined) {
      return { ...result, warnings: [...result.warnings, ...warnings] }
    }
    for (const warning of warnings) context.emit({ type: 'warning', ...warning })
    throw error
  })
}

async function attempt<T>(
  work: () => Promise<T>,
): Promise<{ result?: T; failure: undefined } | { result?: undefined; failure: unknown }> {
  try {
    return { result: await work(), failure: undefined }
  } catch (failure) {
    return { failure }
  }
}

/** The part of a restore for which whoever uses the data must not. */
async function restoreHeld(
  context: ActionContext,
  lock: Lock,
  wish: RestoreWish,
  { snapshot, targets }: RestoreDecision,
  hold: Hold,
): Promise<RestoreResult> {
  const volumes = targets.map(({ id, path }) => ({ id, path }))
  const known = targets.map((target) => ({ target, wanted: readKnown(snapshot, target.id) }))
  const { record: safety, copies } = await writeSnapshot(
    context,
    lock,
    {
      kind: 'safety',
      comment: `before the restore of ${snapshot.name}`,
      allowEmpty: true,
      exact: true,
      hold: asHeldBy(hold),
    },
    volumes,
  )
  using opened = new DisposableStack()
  const planned: PlannedVolume[] = []
  for (const { target, wanted } of known) {
    const copy = copies.find(({ volume }) => volume.id === target.id)
    const { historyChanged = new Map() } = copy ?? {}
    const request = { lock, wish, snapshot, target, wanted, historyChanged }
    planned.push(opened.use(await planVolume(context, request)))
  }
  for (const volume of planned) await tryVolume(volume)
  const interrupted = readInterruptedRestore(context.store)
  const journal: RestoreJournal = {
    schema: 1,
    snapshot: snapshot.name,
    // what a restore that was cut off began to replace stays the way back, not the mixture it left
    safety: interrupted?.safety ?? safety.name,
    undo: wish.undo,
    volumes,
    startedAt: context.clock.now().toISOString(),
    finishedAt: null,
  }
  await writeJournal(context, journal)
  const restored: VolumeRestore[] = []
  const warnings: RecordWarning[] = []
  try {
    for (const volume of planned) {
      const done = await applyVolume(context, volume)
      restored.push(done.restored)
      warnings.push(...done.warnings)
    }
  } catch (error) {
    throw withWayOn(error, journal)
  }
  // once back at where the way back leads, it leads to what was here before
  const wayBack = journal.safety === snapshot.name ? safety.name : journal.safety
  const finishedAt = context.clock.now().toISOString()
  await writeJournal(context, { ...journal, safety: wayBack, finishedAt })
  return { snapshot: snapshot.name, safety: wayBack, volumes: restored, warnings }
}

function stillRunning(hold: Hold): OperationError {
  const why = hold.report().warnings.find(({ code }) => code === 'consumer-not-held')?.message ?? ''
  return new OperationError(
    `nothing was restored, because ${hold.notHeld.join(', ')} may still write the data: ${why}; stop it yourself, or set the label snap-volume.restore=none if it does no harm`,
  )
}

/** Whatever ends a restore half-way says that the live data are a mixture, and how to go on. */
function withWayOn(error: unknown, journal: RestoreJournal): OperationError {
  const wayOn = describeInterruptedRestore(journal)
  return error instanceof InterruptedError
    ? new InterruptedError(`interrupted: ${wayOn}`, { cause: error })
    : new OperationError(`${messageOf(error)}; ${wayOn}`, { cause: error })
}

async function writeJournal({ store }: ActionContext, journal: RestoreJournal): Promise<void> {
  try {
    writeRestoreJournal(store, journal)
  } catch (error) {
    const state =
      journal.finishedAt === null
        ? 'nothing was restored'
        : 'the live data are as they should be, but the journal does not say so: run the same again'
    throw await explainFailure(error, inStore(store.directory), state)
  }
}

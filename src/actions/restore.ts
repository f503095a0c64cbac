import type { RestoreStep } from '../copy/engine.ts'
import { InterruptedError, OperationError, messageOf } from '../errors.ts'
import {
  type RestoreJournal,
  describeInterruptedRestore,
  readInterruptedRestore,
  writeRestoreJournal,
} from '../store/restore-journal.ts'
import { type ActionContext, asWriter, withStoreLock } from './context.ts'
import { explainFailure, inStore } from './explain-failure.ts'
import { type RestoreWish, decideRestore } from './restore-decision.ts'
import { type VolumeRestore, restoreVolume, withVolume } from './restore-volume.ts'
import { writeSnapshot } from './take-snapshot.ts'

export interface RestorePlan {
  snapshot: string
  volumes: (VolumeRestore & { steps: RestoreStep[]; stepsLeftOut: number; keptMounts: string[] })[]
}

export interface RestoreResult {
  snapshot: string
  /** The snapshot of what was replaced. */
  safety: string
  volumes: VolumeRestore[]
}

const mostSteps = 10_000

/**
 * Compares the snapshot with the live data and says what a restore would do; changes nothing.
 * Throws OperationError where the restore itself would refuse.
 */
export async function planRestore(context: ActionContext, wish: RestoreWish): Promise<RestorePlan> {
  return withStoreLock(context, 'restore plan', async (lock) => {
    const { snapshot, targets } = decideRestore(context, wish)
    const plan: RestorePlan = { snapshot: snapshot.name, volumes: [] }
    for (const target of targets) {
      const steps: RestoreStep[] = []
      let stepsLeftOut = 0
      const counts = await withVolume(context, lock, wish, snapshot, target, (engine, request) =>
        engine.planRestore(request, (step) => {
          if (steps.length < mostSteps) steps.push(step)
          else stepsLeftOut += 1
        }),
      )
      const { id, path, keptMounts } = target
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
    const { snapshot, targets } = decideRestore(context, wish)
    const volumes = targets.map(({ id, path }) => ({ id, path }))
    const safety = await writeSnapshot(
      context,
      lock,
      {
        kind: 'safety',
        comment: `before the restore of ${snapshot.name}`,
        allowEmpty: true,
        checksum: true,
      },
      volumes,
    )
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
    try {
      const restored: VolumeRestore[] = []
      for (const target of targets) {
        restored.push(await restoreVolume(context, lock, wish, snapshot, target))
      }
      // once back at where the way back leads, it leads to what was here before
      const wayBack = journal.safety === snapshot.name ? safety.name : journal.safety
      const finishedAt = context.clock.now().toISOString()
      await writeJournal(context, { ...journal, safety: wayBack, finishedAt })
      return { snapshot: snapshot.name, safety: wayBack, volumes: restored }
    } catch (error) {
      throw withWayOn(error, journal)
    }
  })
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

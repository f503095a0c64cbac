import { join } from 'node:path'
import type { RestoreCounts, RestoreStep } from '../copy/engine.ts'
import { chooseEngine } from '../copy/choose-engine.ts'
import { OperationError } from '../errors.ts'
import { type Snapshot, findSnapshot, readCatalog } from '../store/catalog.ts'
import { syncFilesystem } from '../store/durable.ts'
import type { Lock } from '../store/lock.ts'
import { resolveReference } from '../store/references.ts'
import {
  type RestoreJournal,
  describeInterruptedRestore,
  readInterruptedRestore,
  readRestoreJournal,
  writeRestoreJournal,
} from '../store/restore-journal.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { type ActionContext, withStoreLock } from './context.ts'
import { explainFailure, inStore } from './explain-failure.ts'
import { type RestoreTarget, checkTargets } from './restore-targets.ts'
import { writeSnapshot } from './take-snapshot.ts'

export type RestoreWish = ({ undo: true } | { undo: false; reference: string }) & {
  /** Ids of the volumes to restore; empty for all. */
  volumes: readonly string[]
}

interface VolumeRestore {
  id: string
  path: string
  counts: RestoreCounts
}

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
    const { snapshot, targets } = decide(context, wish)
    const plan: RestorePlan = { snapshot: snapshot.name, volumes: [] }
    for (const target of targets) {
      const steps: RestoreStep[] = []
      let stepsLeftOut = 0
      const counts = await withVolume(context, lock, snapshot, target, (engine, request) =>
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
  return withStoreLock(context, 'restore', async (lock) => {
    const { snapshot, targets } = decide(context, wish)
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
    const continued = findContinued(readInterruptedRestore(context.store), wish)
    const journal: RestoreJournal = {
      schema: 1,
      snapshot: snapshot.name,
      // what a restore that was cut off began to replace stays the way back, not the mixture it left
      safety: continued?.safety ?? safety.name,
      undo: wish.undo,
      volumes,
      startedAt: context.clock.now().toISOString(),
      finishedAt: null,
    }
    await writeJournal(context, journal)
    const restored: VolumeRestore[] = []
    for (const target of targets) {
      restored.push(await restoreVolume(context, lock, snapshot, target))
    }
    await writeJournal(context, { ...journal, finishedAt: context.clock.now().toISOString() })
    return { snapshot: snapshot.name, safety: journal.safety, volumes: restored }
  })
}

/** The restore that was cut off and that `wish` goes on with: a restore with a restore, an undo with an undo. */
function findContinued(
  interrupted: RestoreJournal | undefined,
  wish: RestoreWish,
): RestoreJournal | undefined {
  return !wish.undo || interrupted?.undo === true ? interrupted : undefined
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

interface Decision {
  snapshot: Snapshot
  targets: RestoreTarget[]
}

/** Finds the snapshot and the volumes that are meant, and refuses what could not be restored. */
function decide(context: ActionContext, wish: RestoreWish): Decision {
  const { store, config, clock } = context
  const catalog = readCatalog(store)
  const interrupted = readInterruptedRestore(store)
  if (!wish.undo) {
    const snapshot = resolveReference(catalog, wish.reference, clock.now())
    const targets = checkTargets(store, config.volumes, snapshot, wish.volumes)
    if (interrupted !== undefined && !isSameVolumes(interrupted, targets)) {
      throw new OperationError(describeInterruptedRestore(interrupted))
    }
    return { snapshot, targets }
  }
  const journal = readRestoreJournal(store)
  if (journal === undefined) {
    throw new OperationError('there is no restore to undo: this store has seen none')
  }
  const wayBack = findContinued(interrupted, wish)?.snapshot ?? journal.safety
  const snapshot = findSnapshot(catalog, wayBack)
  if (snapshot === undefined) {
    throw new OperationError(
      `the restore cannot be undone: ${wayBack}, what it replaced, is not in the store any more`,
    )
  }
  const ids = journal.volumes.map(({ id }) => id)
  return { snapshot, targets: checkTargets(store, journal.volumes, snapshot, ids) }
}

function isSameVolumes(journal: RestoreJournal, targets: readonly RestoreTarget[]): boolean {
  const before = journal.volumes.map(({ id }) => id).toSorted()
  const now = targets.map(({ id }) => id).toSorted()
  return before.join() === now.join()
}

async function restoreVolume(
  context: ActionContext,
  lock: Lock,
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
      message: `${mount} is another filesystem inside ${path} and is left as it is`,
    })
  }
  try {
    const counts = await withVolume(context, lock, snapshot, target, (engine, request) =>
      engine.restore(request),
    )
    await syncFilesystem(path)
    return { id, path, counts }
  } catch (error) {
    throw await explainFailure(
      error,
      { what: 'the data in', path, whenFull: 'free space there first' },
      'the restore was cut off: run the same again, or go back with "snap-volume restore --undo"',
    )
  }
}

type Engine = ReturnType<typeof chooseEngine>['engine']

async function withVolume<T>(
  { config, clock, signal, emit }: ActionContext,
  lock: Lock,
  snapshot: Snapshot,
  { id, path, keptMounts }: RestoreTarget,
  work: (engine: Engine, request: Parameters<Engine['restore']>[0]) => Promise<T>,
): Promise<T> {
  const begun = clock.now().getTime()
  const source = openDirectory(join(snapshot.path, id))
  try {
    const target = openDirectory(path)
    try {
      return await work(chooseEngine(config.engine).engine, {
        source,
        target,
        checksum: true,
        except: keptMounts.map((mount) => mount.slice(path.length + 1)),
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
    } finally {
      target.close()
    }
  } finally {
    source.close()
  }
}

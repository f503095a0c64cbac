import type { RestoreAction } from '../../copy/engine.ts'
import { OperationError } from '../../errors.ts'
import { readRestoreJournal } from '../../store/restore-journal.ts'
import { spendReserve } from '../../store/reserve.ts'
import type { RecordWarning } from '../../store/record.ts'
import { warnOfRot } from '../../store/verify-state.ts'
import { displayPath } from '../../tree/byte-path.ts'
import { type ActionContext, type WriterContext, asWriter, withStoreLock } from '../context.ts'
import { emitWarnings } from '../events.ts'
import type { Writers } from '../writers.ts'
import { canAskForFiles, describeWriters } from './describe-writers.ts'
import { lookForConsumers } from '../consumers/find-consumers.ts'
import { type Hold, nobodyHeld } from '../consumers/hold.ts'
import { planHold } from '../consumers/hold-consumers.ts'
import { quiesced } from '../consumers/quiesced.ts'
import { codesOf, logged } from '../log-act.ts'
import { warnOfLeftStopped, warnOfUnasked, whoRanBefore } from '../consumers/ran-before.ts'
import { type ResolvedRestore, type RestoreOptions, resolveRestore } from './decide.ts'
import { type HeldRestore, type RestoreResult, restoreHeld } from './restore-held.ts'
import { canLeaveRunning } from './leave-running.ts'
import { type VolumeRestore, planVolume, readKnown } from './restore-volume.ts'
import { describeTarget } from './targets.ts'
import { keepsNothing } from './safety-snapshot.ts'
import { assertOwnersKnown } from './assert-owners-known.ts'
import { createUseCheck, refuseOpenFiles } from './use-check.ts'
import { waitUntilHealthy } from './wait-until-healthy.ts'

/** What is planned for one entry, with its path as text. */
export interface PlannedStep {
  action: RestoreAction
  path: string
}

export interface RestorePlan {
  snapshot: string
  /** Nothing would be kept of what it replaces. */
  withoutSafety: boolean
  /** Whether nobody is stopped: only files are restored, and nobody has one open. */
  leavesRunning: boolean
  writers: Writers
  volumes: (VolumeRestore & { steps: PlannedStep[]; omittedSteps: number; keptMounts: string[] })[]
}

const mostSteps = 10_000

/**
 * Compares the snapshot with the live data and says what a restore would do, and who may write
 * meanwhile; changes nothing. Throws OperationError where the restore itself would refuse, but for
 * what only a try in the live data tells, and for files that are open: who asks may stop their
 * users yet.
 */
export async function planRestore(
  context: ActionContext,
  options: RestoreOptions,
): Promise<RestorePlan> {
  return withStoreLock(context, 'restore plan', async (writer) => {
    const resolved = await resolveRestore(context, options)
    const { snapshot, targets } = resolved
    emitWarnings(context.emit, await findDoubts(context, resolved))
    const found = await lookForConsumers(context, 'restore', targets)
    const leavesRunning = await canLeaveRunning(context, targets)
    const plan: RestorePlan = {
      snapshot: snapshot.name,
      withoutSafety: options.withoutSafety === true,
      leavesRunning,
      writers: describeWriters(context, found),
      volumes: [],
    }

    const canAsk = canAskForFiles(found.consumers, false)
    const use = createUseCheck(context, leavesRunning || !canAsk ? 'none' : 'near')
    for (const target of targets) {
      const steps: PlannedStep[] = []
      let omittedSteps = 0
      using planned = await planVolume(
        writer,
        { options, snapshot, target, wanted: readKnown(snapshot, target.from) },
        ({ action, path: at }) => {
          use.note(target, { action, path: at })
          if (steps.length < mostSteps) steps.push({ action, path: displayPath(at) })
          else omittedSteps += 1
        },
      )

      const { id, keptMounts } = target
      const { counts, warnings } = planned.plan
      emitWarnings(
        context.emit,
        warnings.map((warning) => ({ volume: id, ...warning })),
      )
      plan.volumes.push({ ...describeTarget(target), counts, steps, omittedSteps, keptMounts })
    }

    const files = await use.look(targets)
    return files === undefined ? plan : { ...plan, writers: { ...plan.writers, files } }
  })
}

/**
 * Makes live volumes equal to a snapshot. What is replaced is in a safety snapshot before the first
 * byte changes, unless nobody wants one, and the journal says from then until the end that the live
 * data are a mixture. Throws OperationError when it refuses (nothing changed) or fails (the journal
 * stays, and every command says so).
 */
export async function restore(
  context: ActionContext,
  options: RestoreOptions,
): Promise<RestoreResult> {
  context.emit({ type: 'phase', phase: 'lock' })
  const asked = options.undo ? { kind: 'undo' } : { snapshot: options.reference }

  return logged(
    context,
    { act: 'restore', ...asked, volumes: [...options.volumes] },
    async () => restoreAsWriter(context, options),
    ({ snapshot, safety, volumes, warnings }) => {
      const ids = volumes.map(({ id }) => id)
      const kept = safety === null ? {} : { safety }
      return { snapshot, ...kept, volumes: ids, warnings: codesOf(warnings) }
    },
  )
}

async function restoreAsWriter(
  context: ActionContext,
  options: RestoreOptions,
): Promise<RestoreResult> {
  return asWriter(context, 'restore', async (writer) => {
    const resolved = await resolveRestore(context, options)
    const { snapshot, targets } = resolved
    const doubts = await findDoubts(context, resolved)
    if (options.withoutSafety === true) await spendReserve(context.store)
    const ranBefore = whoRanBefore(readRestoreJournal(context.store), options.undo)
    const purpose = { kind: 'restore', snapshot: snapshot.name, ranBefore } as const
    const leavesRunning = await canLeaveRunning(context, targets)
    const hold = leavesRunning ? nobodyHeld() : await planHold(context, purpose, targets)
    // a plan has said it
    if (options.expected === undefined && !leavesRunning) {
      context.emit({ type: 'writers', ...describeWriters(context, hold.found) })
    }

    if (options.withoutSafety === true) {
      context.emit({ type: 'warning', code: 'without-safety', message: keepsNothing })
    }

    const unhealthy: RecordWarning[] = []
    // who did not come back is told of whatever became of the data
    const warnings = (): RecordWarning[] => [
      ...doubts,
      ...hold.report().warnings,
      ...unhealthy,
      ...warnOfUnasked(context, hold, ranBefore),
    ]
    try {
      const result = await quiesced(
        hold,
        async () => restoreQuiesced(writer, { options, resolved, hold, ranBefore, leavesRunning }),
        async () => {
          unhealthy.push(...(await waitUntilHealthy(context, hold)))
        },
      )

      const all = [...result.warnings, ...warnings()]
      emitWarnings(context.emit, all)
      return { ...result, warnings: all }
    } catch (error) {
      emitWarnings(context.emit, warnings())
      throw error
    }
  })
}

/** Throws OperationError for what nobody may restore; the rest is to be told. */
async function findDoubts(
  { store, config, signal }: ActionContext,
  { snapshot, targets }: ResolvedRestore,
): Promise<RecordWarning[]> {
  return [
    ...warnOfRot(store, snapshot.name),
    ...(await assertOwnersKnown(snapshot, targets, config.exclude, signal)),
  ]
}

/** The part for which the data are held. */
async function restoreQuiesced(
  context: WriterContext,
  held: Omit<HeldRestore, 'use'>,
): Promise<RestoreResult> {
  const { options, hold, ranBefore, resolved, leavesRunning } = held
  emitWarnings(context.emit, warnOfLeftStopped(hold, ranBefore))
  if (hold.notHeld.length > 0) throw stillRunning(hold)

  const canAsk = canAskForFiles(hold.found.consumers, true)
  const use = createUseCheck(context, leavesRunning ? 'restored' : canAsk ? 'near' : 'none')
  await refuseOpenFiles(use, options, resolved.targets, hold)
  return restoreHeld(context, { ...held, use })
}

function stillRunning(hold: Hold): OperationError {
  const why = hold.report().warnings.find(({ code }) => code === 'consumer-not-held')?.message ?? ''
  return new OperationError(
    `nothing was restored, because ${hold.notHeld.join(', ')} may still write the data: ${why};`,
    { fix: 'stop it yourself, or set the label snap-volume.restore=none if it does no harm' },
  )
}

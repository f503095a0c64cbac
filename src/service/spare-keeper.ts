import type { ActionContext } from '../actions/context.ts'
import { findSpareModel, prepareSpare } from '../actions/prepare-spare.ts'
import { BusyError, InterruptedError, messageOf } from '../errors.ts'
import type { CommandExecutor } from '../remote/executor.ts'
import type { Snapshot } from '../store/catalog.ts'
import { findHolder } from '../store/lock.ts'
import type { Log } from '../system/log.ts'
import type { Background } from './background.ts'

/** Snapshots come too fast for it: what would be made is only deleted again, until the daemon is started anew. */
const mostLateOnes = 3

/** Sees to it that the next snapshot finds a spare, while nobody waits. */
export interface SpareKeeper {
  /** Makes one where there is none; it is not waited for. */
  prepare(): void
  /** Gives up what is under way while a snapshot is taken, and prepares for the next one then. */
  standAside(takeSnapshot: () => Promise<void>): Promise<void>
}

export function createSpareKeeper(
  context: ActionContext,
  background: Background,
  log: Log,
): SpareKeeper {
  /** Of this one a copy has been made, or none can be: once is enough. */
  let served: string | undefined
  /** How many in a row were not ready when a snapshot was due. */
  let lateOnes = 0
  let isAside = false
  let underWay: { work: Promise<void>; interruption: AbortController } | undefined

  async function prepareOnce(signal: AbortSignal): Promise<void> {
    const { store } = context
    let model: Snapshot | undefined
    try {
      model = findSpareModel(store)
      if (model === undefined || model.name === served) return
      // it can wait for the next heartbeat, and others for less
      if ((await findHolder(store.lock)) !== undefined) return
      const isThere = await prepareSpare({ ...context, signal, emit: () => undefined }, model)
      served = model.name
      lateOnes = 0
      if (isThere) log.debug(`the next snapshot finds a copy of ${model.name} ready`)
    } catch (error) {
      if (error instanceof InterruptedError || error instanceof BusyError) return
      served = model?.name
      // nothing is lost: the next snapshot makes its links itself
      log.debug(`no copy of the newest snapshot was made ready: ${messageOf(error)}`)
    }
  }

  function prepare(): void {
    if (isAside || underWay !== undefined || lateOnes >= mostLateOnes) return
    const interruption = new AbortController()
    const { promise: work, resolve } = Promise.withResolvers<void>()
    underWay = { work, interruption }
    background.run(async (signal) => {
      try {
        await prepareOnce(AbortSignal.any([signal, interruption.signal]))
      } finally {
        underWay = undefined
        resolve()
      }
    })
  }

  return {
    prepare,
    async standAside(takeSnapshot) {
      isAside = true
      try {
        if (underWay !== undefined) {
          lateOnes += 1
          underWay.interruption.abort()
          await underWay.work
        }
        await takeSnapshot()
      } finally {
        isAside = false
        prepare()
      }
    },
  }
}

/** Clients may take snapshots too. */
export function thenPreparing(executor: CommandExecutor, spares: SpareKeeper): CommandExecutor {
  return {
    ...executor,
    async execute(...command) {
      const exitCode = await executor.execute(...command)
      spares.prepare()
      return exitCode
    },
  }
}

import type { ActionContext } from '../actions/context.ts'
import { findModel, prelinkSnapshot } from '../actions/store/prelink.ts'
import { BusyError, InterruptedError, messageOf } from '../errors.ts'
import { findHolder } from '../store/lock.ts'
import type { Log } from '../system/log.ts'
import type { Background } from './background.ts'

/** Sees to it that the next snapshot finds its links made, while nobody waits. */
export interface Prelinker {
  /** Links the newest snapshot, where that is of use; it is not waited for. */
  refresh(): void
  /**
   * Gives up what is under way while `work` writes the store, and links what is the newest snapshot
   * then.
   */
  pauseWhile<T>(work: () => Promise<T>): Promise<T>
}

export function createPrelinker(
  context: ActionContext,
  background: Background,
  log: Log,
): Prelinker {
  /** Of this one links cannot be made: to try it once is enough. */
  let failed: string | undefined
  let writers = 0
  let underWay: { work: Promise<void>; interruption: AbortController } | undefined

  async function linkNewest(signal: AbortSignal): Promise<void> {
    const { store, clock } = context
    const model = findModel(store, clock.now())
    // it can wait for the next heartbeat, and others for less
    if (model === undefined || model.name === failed || (await findHolder(store.lock))) return

    try {
      await prelinkSnapshot({ ...context, signal, emit: () => undefined }, model)
      log.debug(`the next snapshot finds a copy of ${model.name} ready`)
    } catch (error) {
      if (error instanceof InterruptedError || error instanceof BusyError) return
      failed = model.name
      // nothing is lost: the next snapshot makes its links itself
      log.debug(`the newest snapshot was not linked in advance: ${messageOf(error)}`)
    }
  }

  function refresh(): void {
    if (writers > 0 || underWay !== undefined) return
    const interruption = new AbortController()
    const { promise: work, resolve } = Promise.withResolvers<void>()
    underWay = { work, interruption }

    background.run(async (signal) => {
      try {
        await linkNewest(AbortSignal.any([signal, interruption.signal]))
      } finally {
        underWay = undefined
        resolve()
      }
    })
  }

  return {
    refresh,
    async pauseWhile(work) {
      writers += 1
      try {
        underWay?.interruption.abort()
        await underWay?.work
        return await work()
      } finally {
        writers -= 1
        refresh()
      }
    },
  }
}

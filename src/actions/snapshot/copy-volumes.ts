import type { VolumeCopy, VolumeCopying } from './copy-volume.ts'
import type { Hold } from '../consumers/hold.ts'
import { quiesced } from '../consumers/quiesced.ts'

/**
 * Copies all volumes: what can be done while the data move, then the rest while they are held. They
 * are let go as soon as all have been read, and whatever happens.
 */
export async function copyVolumes(
  hold: Hold,
  copyings: readonly VolumeCopying[],
): Promise<VolumeCopy[]> {
  for (const copying of copyings) await copying.prepare()
  return quiesced(hold, async () => finishCopies(hold, copyings))
}

async function finishCopies(hold: Hold, copyings: readonly VolumeCopying[]): Promise<VolumeCopy[]> {
  let unread = copyings.length
  const onRead = (): void => {
    unread -= 1
    // whether it went well is asked when all is copied
    if (unread === 0) hold.release().catch(() => undefined)
  }

  if (!hold.isNeeded) {
    const copies: VolumeCopy[] = []
    for (const copying of copyings) copies.push(await copying.finish(onRead))
    return copies
  }

  // side by side, so that none is held for the disk of another
  const results = await Promise.allSettled(
    copyings.map(async (copying) => {
      try {
        return await copying.finish(onRead)
      } catch (error) {
        // nothing will be published, so nobody need be held any longer
        hold.release().catch(() => undefined)
        throw error
      }
    }),
  )

  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

/** Opens all, and closes them whatever happens. */
export async function withVolumes<T>(
  openers: readonly (() => VolumeCopying)[],
  work: (copyings: readonly VolumeCopying[]) => Promise<T>,
): Promise<T> {
  using opened = new DisposableStack()
  return await work(openers.map((open) => opened.use(open())))
}

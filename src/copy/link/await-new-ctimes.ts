import { setTimeout as sleep } from 'node:timers/promises'
import { syncFilesystem } from '../../store/durable.ts'
import { isRacy, msUntilOutdated } from '../index/proof.ts'
import type { CopyList } from '../scan/copy-list.ts'

/**
 * Returns when each change to these entries will give them another ctime than the one that was
 * seen, so that a copy that is made then can be told to be of one instant. Until it was written
 * back, a page that is mapped and dirty takes stores that move no ctime: `racyCutoffNs` is of
 * before their filesystem was written back last; without it none of them is known to have been.
 * Throws ProgramError when it cannot be written back now.
 */
export async function awaitNewCtimes(
  source: string,
  lists: readonly CopyList[],
  racyCutoffNs = 0n,
): Promise<void> {
  let hasRacy = false
  let leftMs = 0
  for (const { seen } of lists) {
    for (let at = 1; at < seen.length; at += 2) {
      const ctimeNs = seen[at] ?? 0n
      if (!isRacy(ctimeNs, racyCutoffNs)) continue
      hasRacy = true
      leftMs = Math.max(leftMs, msUntilOutdated(ctimeNs))
    }
  }

  if (!hasRacy) return
  // in this order: a store before the time is over could have the same one again
  await sleep(leftMs)
  await syncFilesystem(source)
}

import { setTimeout as sleep } from 'node:timers/promises'
import { syncFilesystem } from '../../store/durable.ts'

const everyMs = 1000

/**
 * Has what is copied to the filesystem of `target` written to its disk meanwhile, again and again.
 * Else gigabytes of it wait in memory for the flush at the end, and whoever else flushes there,
 * such as a database, waits for them too. The function it returns ends it, and throws ProgramError
 * when a flush failed: the kernel tells of data it could not write only once (syncfs(2)), so the
 * flush at the end would not. After an interruption nothing is published, and nobody waits.
 */
export function syncWhileCopying(target: string, interruption?: AbortSignal): () => Promise<void> {
  const ending = new AbortController()
  const flushing = flushAgainAndAgain(target, ending.signal)
  // it is for who ends it
  flushing.catch(() => undefined)

  return async () => {
    ending.abort()
    if (interruption?.aborted !== true) await flushing
  }
}

async function flushAgainAndAgain(target: string, signal: AbortSignal): Promise<void> {
  while (await isStillOn(signal)) await syncFilesystem(target)
}

async function isStillOn(signal: AbortSignal): Promise<boolean> {
  return sleep(everyMs, true, { signal }).catch(() => false)
}

import type { Hold } from './hold.ts'

/**
 * Does `work` while the data are held still, and lets everyone go on whatever happens.
 *
 * 1. `begin`: pre hooks, then consumers are paused or stopped.
 * 2. `work`, which may release them earlier, when the data have been read.
 * 3. `release`: whoever was held goes on. It fails when a session did not last.
 * 4. `afterwards`, where the work succeeded.
 * 5. `end`: post hooks, which are told of the first failure.
 *
 * A process that is killed at any step leaves the journal of the consumers, by which the next
 * command resumes them. Throws what failed first, also when steps 3 to 5 went well.
 */
export async function quiesced<T>(
  hold: Hold,
  work: () => Promise<T>,
  afterwards: () => Promise<void> = async () => Promise.resolve(),
): Promise<T> {
  const worked = await attempt(async () => {
    await hold.begin()
    return work()
  })

  const released = await attempt(async () => hold.release())
  const followed = worked.isDone ? await attempt(afterwards) : released

  const [failed] = [worked, released, followed].filter((outcome) => !outcome.isDone)
  await hold.end(failed?.failure)
  if (!worked.isDone) throw worked.failure
  if (failed !== undefined) throw failed.failure
  return worked.result
}

type Outcome<T> = { isDone: true; result: T } | { isDone: false; failure: unknown }

async function attempt<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { isDone: true, result: await work() }
  } catch (failure) {
    return { isDone: false, failure }
  }
}

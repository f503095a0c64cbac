import { DeniedError } from '../../docker/call.ts'
import type { DockerClient } from '../../docker/client.ts'
import { OperationError } from '../../errors.ts'
import type { FrozenMark } from '../../store/consumer-journal.ts'
import type { Clock } from '../../system/clock.ts'

/** runc's words where it gives up on cgroup v2, after ten seconds; the cgroup stays frozen then. */
const leftFrozen = /waiting for the cgroup to freeze/

/**
 * Looks whether a container is frozen although the Engine says that it runs; `before` is what was
 * found earlier. Undefined when it runs, does not run at all, or is gone. Throws OperationError
 * when the API does not tell.
 */
export async function findFrozen(
  client: DockerClient,
  clock: Clock,
  id: string,
  before: FrozenMark | undefined,
): Promise<FrozenMark | undefined> {
  const isFrozen = await client.isFrozen(id).catch(async (error: unknown) => {
    // where nobody may execute, only another start of it proves that it runs
    if (error instanceof DeniedError) return before !== undefined && isSameRun(client, id, before)
    throw error
  })
  return isFrozen ? (before ?? mark(client, clock, id)) : undefined
}

/** The same after a pause that failed with `message`. */
export async function findLeftFrozen(
  client: DockerClient,
  clock: Clock,
  id: string,
  message: string,
): Promise<FrozenMark | undefined> {
  try {
    if (!(await client.isFrozen(id))) return undefined
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    if (!leftFrozen.test(message)) return undefined
  }
  return mark(client, clock, id)
}

async function mark(client: DockerClient, clock: Clock, id: string): Promise<FrozenMark> {
  const since = clock.now().toISOString()
  try {
    const state = await client.inspect(id)
    return state === undefined ? { since } : { since, startedAt: state.startedAt }
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return { since }
  }
}

/** Whether it may still be the run that was frozen; also where nobody may look. */
async function isSameRun(
  client: DockerClient,
  id: string,
  { startedAt }: FrozenMark,
): Promise<boolean> {
  try {
    const state = await client.inspect(id)
    if (state?.running !== true) return false
    return startedAt === undefined || state.startedAt === startedAt
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return true
  }
}

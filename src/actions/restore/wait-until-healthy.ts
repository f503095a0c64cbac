import { OperationError } from '../../errors.ts'
import type { RecordWarning } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'
import type { Hold } from '../consumers/hold.ts'

const longestMs = 120_000
/** Extra time for a busy machine, beyond the interval and the timeout of a health check. */
const slackMs = 5000
const pollMs = 250

/**
 * Waits for the containers that the restore started and that have a HEALTHCHECK, and emits an event
 * for each healthy one. Returns a warning for each that ends, or is not healthy in time. One whose
 * checks never run (podman without systemd) is waited for only until its first check is due.
 */
export async function waitUntilHealthy(
  context: Pick<ActionContext, 'clock' | 'signal' | 'emit'>,
  { client, stopped }: Hold,
): Promise<RecordWarning[]> {
  if (client === undefined) return []
  const { clock, signal, emit } = context
  const beganMs = clock.now().getTime()
  const waitFor = async (id: string, name: string): Promise<RecordWarning[]> => {
    for (;;) {
      const state = await client.inspect(id)
      if (state?.running !== true) {
        return [
          warning(
            `the container ${name} was started and is not running: see "docker logs ${name}"`,
          ),
        ]
      }
      if (state.health === undefined) return []
      if (state.health === 'healthy') {
        emit({ type: 'consumer', name, state: 'healthy' })
        return []
      }

      const waitedMs = clock.now().getTime() - beganMs
      const firstCheckIsOverdue = waitedMs >= (state.firstCheckWithinMs ?? Infinity) + slackMs
      if (signal?.aborted === true || firstCheckIsOverdue || waitedMs >= longestMs) {
        const seconds = Math.round(waitedMs / 1000)
        const found = `the container ${name} is ${state.health} ${seconds} s after it was started`
        return [
          warning(
            firstCheckIsOverdue
              ? `${found}, and no health check has run there (podman runs them by timers of systemd): see "docker inspect ${name}"`
              : `${found}: see "docker logs ${name}"`,
          ),
        ]
      }

      await clock.sleep(pollMs, signal).catch(() => undefined)
    }
  }

  const found = await Promise.all(
    stopped.map(async ({ id, name }) =>
      waitFor(id, name).catch((error: unknown) => {
        if (!(error instanceof OperationError)) throw error
        return [warning(`the health of the container ${name} is unknown: ${error.message}`)]
      }),
    ),
  )
  return found.flat()
}

function warning(message: string): RecordWarning {
  return { code: 'consumer-unhealthy', message }
}

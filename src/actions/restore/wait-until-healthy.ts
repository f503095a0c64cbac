import { OperationError } from '../../errors.ts'
import type { RecordWarning } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'
import type { Hold } from '../consumers/hold.ts'

const longestMs = 120_000
/** What a busy machine may need more for a health check than its interval and its timeout. */
const slackMs = 5000
const betweenLooksMs = 250

/**
 * Waits until those that were stopped and have a HEALTHCHECK are healthy, and says so. Those that
 * are not in time, or end, become warnings. So does one whose health checks do not run, as in
 * podman without systemd: it is waited for only as long as the first check may take.
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

      const passedMs = clock.now().getTime() - beganMs
      const isOverdue = passedMs >= (state.firstCheckWithinMs ?? Infinity) + slackMs
      if (signal?.aborted === true || isOverdue || passedMs >= longestMs) {
        const seconds = Math.round(passedMs / 1000)
        const found = `the container ${name} is ${state.health} ${seconds} s after it was started`
        return [
          warning(
            isOverdue
              ? `${found}, and no health check has run there (podman runs them by timers of systemd): see "docker inspect ${name}"`
              : `${found}: see "docker logs ${name}"`,
          ),
        ]
      }

      await clock.sleep(betweenLooksMs, signal).catch(() => undefined)
    }
  }

  const found = await Promise.all(
    stopped.map(async ({ id, name }) =>
      waitFor(id, name).catch((error: unknown) => {
        if (!(error instanceof OperationError)) throw error
        return [warning(`whether the container ${name} is healthy is not known: ${error.message}`)]
      }),
    ),
  )
  return found.flat()
}

function warning(message: string): RecordWarning {
  return { code: 'consumer-unhealthy', message }
}

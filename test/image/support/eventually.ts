import { setTimeout as sleep } from 'node:timers/promises'
import { docker, logsOf } from '../../support/docker.ts'

/**
 * Looks again and again until there is something; throws after `timeoutMs`, naming what was waited
 * for.
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`${timeoutMs} ms passed without ${what}`)
    await sleep(50)
  }
}

/**
 * Waits until the log of a container has a line that fits, and gives it; throws when it ends
 * without.
 */
export async function logLine(
  container: string,
  pattern: RegExp,
  timeoutMs?: number,
): Promise<string> {
  let log = ''
  try {
    return await eventually(
      `a line like ${pattern}`,
      async () => {
        const running = await docker('inspect', '--format', '{{.State.Running}}', container)
        log = await logsOf(container)
        const found = log.split('\n').find((line) => pattern.test(line))
        if (found === undefined && running !== 'true')
          throw new Error(`it ended without ${pattern}`)
        return found
      },
      timeoutMs,
    )
  } catch (error) {
    throw new Error(`${String(error)} in the log:\n${log}`, { cause: error })
  }
}

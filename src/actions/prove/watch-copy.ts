import { statfsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import prettyBytes from 'pretty-bytes'
import type { Clock } from '../../system/clock.ts'
import { throwIfInterrupted } from '../../errors.ts'
import type { DockerClient } from '../../docker/client.ts'
import { runConsumerHook } from '../../docker/run-hook.ts'
import type { Provable } from './choose-consumers.ts'

const betweenLooksMs = 500
/** A command in the copy may take all of the time that is left, and no more. */
const leastCommandMs = 1000

export interface Watch {
  client: DockerClient
  provable: Provable
  /** The copy. */
  id: string
  clock: Clock
  timeoutMs: number
  /** The store, and by how much less may be free there meanwhile. */
  store: string
  mostBytes: number
  signal: AbortSignal | undefined
}

export interface Verdict {
  outcome: 'proved' | 'failed'
  reason: string
  /** What the command of the label printed; undefined where none ran. */
  output?: string
}

/**
 * Waits until a copy of a server is healthy: by its health check, then by the command of its label.
 * Without a health check the command is tried until it succeeds. An unhealthy copy may yet become
 * healthy, as one that recovers: what decides is the time.
 */
export async function watchCopy(watch: Watch): Promise<Verdict> {
  const { client, provable, id, clock, timeoutMs, signal } = watch
  const { consumer, hasHealthcheck } = provable
  const endMs = clock.now().getTime() + timeoutMs
  const freeBefore = freeIn(watch.store)
  const tookTooMuch = (): boolean => freeBefore - freeIn(watch.store) > watch.mostBytes
  const tooMuch = `the copy took more than ${prettyBytes(watch.mostBytes)} of the store`

  let last = 'it was not healthy'
  for (;;) {
    throwIfInterrupted(signal)
    const state = await client.inspect(id)
    if (state?.running !== true) {
      const why = state?.isOutOfMemory === true ? 'had no memory left' : 'ended'
      return failed(`the copy ${why} with exit code ${state?.exitCode ?? 'unknown'}`)
    }
    if (tookTooMuch()) return failed(tooMuch)

    const leftMs = endMs - clock.now().getTime()
    const isHealthy = !hasHealthcheck || state.health === 'healthy'
    if (isHealthy && consumer.policy.prove === undefined) return proved('its health check')
    if (isHealthy) {
      const verdict = await runBounded(watch, Math.max(leastCommandMs, leftMs), tookTooMuch)
      if (tookTooMuch()) return failed(tooMuch)
      if (verdict.outcome === 'proved' || hasHealthcheck) return verdict
      last = verdict.reason
    }
    if (leftMs <= 0) return failed(`${last} within ${timeoutMs / 1000} s`)
    await sleep(betweenLooksMs)
  }
}

/** Ends the command of the label where the copy takes too much of the store meanwhile. */
async function runBounded(
  watch: Watch,
  timeoutMs: number,
  tookTooMuch: () => boolean,
): Promise<Verdict> {
  const ending = new AbortController()
  const timer = setInterval(() => {
    if (tookTooMuch()) ending.abort()
  }, betweenLooksMs)
  const signals = [ending.signal, ...(watch.signal === undefined ? [] : [watch.signal])]
  try {
    return await runLabel({ ...watch, signal: AbortSignal.any(signals) }, timeoutMs)
  } catch (error) {
    if (ending.signal.aborted) return failed('the command of snap-volume.prove was ended')
    throw error
  } finally {
    clearInterval(timer)
  }
}

async function runLabel(
  { client, provable, id, signal }: Watch,
  timeoutMs: number,
): Promise<Verdict> {
  const { consumer } = provable
  const { outcome, exitCode, output } = await runConsumerHook(
    client,
    { ...consumer, id },
    'post-snapshot',
    {
      command: consumer.policy.prove ?? '',
      user: undefined,
      timeoutMs,
      onError: 'fail',
      session: false,
    },
    [],
    signal,
  )
  const verdict =
    outcome === 'done'
      ? proved('the command of its label snap-volume.prove')
      : failed(
          outcome === 'timeout'
            ? 'the command of snap-volume.prove took too long'
            : `the command of snap-volume.prove ended with exit code ${exitCode ?? 'unknown'}`,
        )
  return { ...verdict, output }
}

function proved(by: string): Verdict {
  return { outcome: 'proved', reason: `healthy by ${by}` }
}

function failed(reason: string): Verdict {
  return { outcome: 'failed', reason }
}

function freeIn(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}

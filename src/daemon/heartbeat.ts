import { messageOf } from '../errors.ts'
import type { Log } from '../system/log.ts'

const intervalMs = 30_000

export interface HeartbeatTimer {
  /** One between the others. */
  beat(): Promise<void>
  stop(): void
}

/** Calls `beat` now and every 30 s. One that fails is told of, and the next one comes. */
export async function startHeartbeat(
  beat: () => Promise<void> | void,
  log: Log,
): Promise<HeartbeatTimer> {
  const beatOnce = async (): Promise<void> => {
    try {
      await beat()
    } catch (error) {
      log.error(`the heartbeat failed: ${messageOf(error)}; is the store still mounted?`)
    }
  }

  await beatOnce()
  const timer = setInterval(() => void beatOnce(), intervalMs)
  return { beat: beatOnce, stop: () => clearInterval(timer) }
}

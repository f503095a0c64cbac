import { rmSync, utimesSync, writeFileSync } from 'node:fs'
import { messageOf } from '../errors.ts'
import type { Log } from '../system/log.ts'

const intervalMs = 30_000

/**
 * Touches `file` now and every 30 s, for HEALTHCHECK and `show -a`, and calls `onBeat` each time but the first; returns what
 * ends it.
 */
export function startHeartbeat(file: string, log: Log, onBeat: () => void): () => void {
  writeFileSync(file, '', { mode: 0o600 })
  const timer = setInterval(() => {
    onBeat()
    try {
      const now = new Date()
      utimesSync(file, now, now)
    } catch (error) {
      log.error(`the heartbeat cannot be written: ${messageOf(error)}; is the store still mounted?`)
    }
  }, intervalMs)
  return () => {
    clearInterval(timer)
    rmSync(file, { force: true })
  }
}

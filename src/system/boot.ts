import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'

/** What this start of the kernel has and no other (random(4)); undefined where it is not told. */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return undefined
  }
}

/**
 * For how long the kernel has run, also while the machine slept: no clock that somebody sets
 * (proc_uptime(5)).
 */
export function uptimeMs(): number {
  return uptime() * 1000
}

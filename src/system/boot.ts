import { readFileSync } from 'node:fs'

/** What this start of the kernel has and no other (random(4)); undefined where it is not told. */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return undefined
  }
}

import { readFileSync } from 'node:fs'

const file = '/proc/sys/kernel/random/boot_id'

/** What this start of the kernel has and no other (random(4)), as 32 hexadecimal digits; zeros where it is not told. */
export function bootId(): string {
  try {
    return readFileSync(file, 'latin1').trim().replaceAll('-', '')
  } catch {
    return '0'.repeat(32)
  }
}

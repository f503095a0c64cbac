import { existsSync } from 'node:fs'
import type { Environment } from './cli.ts'

/** Of Debian's package libfaketime, whatever the processor. */
const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketimeMT.so.1`,
)

/** Why no clock can be faked here, as one line for `skipBecause`; undefined if one can. */
export function whyNoFakedClock(): string | undefined {
  return libraries.some((path) => existsSync(path)) ? undefined : 'libfaketime is not installed'
}

/**
 * For a program whose clock says `time` when it starts and goes on from there; files keep the times
 * that they have.
 */
export function clockSays(time: Date): Environment {
  const at = time.toISOString().replace('T', ' ').slice(0, 19)
  return {
    LD_PRELOAD: libraries.find((path) => existsSync(path)) ?? '',
    FAKETIME: `@${at}`,
    TZ: 'UTC',
    DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  }
}

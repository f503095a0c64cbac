import { randomUUID } from 'node:crypto'
import { closeSync, fstatSync, futimesSync, openSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorCode } from '../errors.ts'

/** How a filesystem keeps times: in steps, and none before or after these. */
export interface KeptTimes {
  stepNs: bigint
  earliestNs: bigint
  latestNs: bigint
}

const secondNs = 1_000_000_000n

/** Seconds with fractions that are no multiple of any step but one. */
const odd = [1_234_567_891.123_456_7, 1_234_567_893.765_432_1]

/** FAT has 2 s, NTFS 100 ns. */
const steps = [2n * secondNs, secondNs, 1_000_000n, 1000n, 100n]

/** In seconds, beyond what most filesystems keep: the years 1 and 5000. */
const [longAgo, farAhead] = [-62_000_000_000, 95_000_000_000]

const exact: KeptTimes = { stepNs: 1n, earliestNs: -(2n ** 63n), latestNs: 2n ** 63n }

/** The same in a directory; as if it kept them exactly where nothing can be written. */
export function keptTimesOf(directory: string): KeptTimes {
  try {
    return measureKeptTimes(join(directory, 'times'))
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return exact
  }
}

/** Tries it with a file beside `path`, which is gone at the end. */
export function measureKeptTimes(path: string): KeptTimes {
  const file = join(dirname(path), `.times.${randomUUID()}`)
  const descriptor = openSync(file, 'wx', 0o600)
  try {
    const kept = (seconds: number): bigint => {
      // as a text, because a number below 0 means now to Node
      futimesSync(descriptor, 0, String(seconds))
      return fstatSync(descriptor, { bigint: true }).mtimeNs
    }
    const times = odd.map(kept)
    return {
      stepNs: steps.find((step) => times.every((time) => time % step === 0n)) ?? 1n,
      earliestNs: kept(longAgo),
      latestNs: kept(farAhead),
    }
  } finally {
    closeSync(descriptor)
    rmSync(file, { force: true })
  }
}

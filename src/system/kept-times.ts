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

/**
 * An odd second after 1980, when FAT begins, whose steps are of two. futimes takes a float, here in
 * steps of 60 ns.
 */
const precise = 345_678_901.123_456_8

/** FAT has 2 s, exFAT 10 ms, NTFS 100 ns. */
const steps = [2e9, 1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2]

/** In seconds: 1970, 1960, 1902, and the year 1, which few keep. */
const past = [0, -315_619_200, -2_145_916_800, -62_000_000_000]

/**
 * 2037, 2039, 2107, 2400, and the year 5000: those of 32 bits end in 2038 or 2106, ext4's in 2446.
 */
const future = [2_114_380_800, 2_177_452_800, 4_323_369_600, 13_569_465_600, 95_000_000_000]

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
    const keep = (seconds: number): bigint => setTime(descriptor, seconds)
    return {
      stepNs: BigInt(stepOf(keep(precise))),
      earliestNs: findEnd(past, keep),
      latestNs: findEnd(future, keep),
    }
  } finally {
    closeSync(descriptor)
    rmSync(file, { force: true })
  }
}

/**
 * What a time with all digits that was read back tells of the step; 1 where the last digits are
 * there.
 */
export function stepOf(mtimeNs: bigint): number {
  return steps.find((step) => mtimeNs % BigInt(step) === 0n) ?? 1
}

/**
 * In nanoseconds the last of the times that are kept, from here on outwards; where the next one is
 * brought back to the end of the range (as the kernel does for filesystems that tell it theirs),
 * that end.
 */
export function findEnd(times: readonly number[], keep: (seconds: number) => bigint): bigint {
  let end = 315_532_800n * secondNs
  for (const seconds of times) {
    const time = BigInt(seconds) * secondNs
    const kept = keep(seconds)
    const isBetween = kept >= end ? kept <= time : kept >= time
    // steps of two seconds may move it by one
    if (kept - time >= -secondNs && kept - time <= secondNs) end = time
    else return isBetween ? kept : end
  }

  return end
}

function setTime(descriptor: number, seconds: number): bigint {
  try {
    // as a text, because a number below 0 means now to Node
    futimesSync(descriptor, 0, String(seconds))
  } catch {
    // it has another one then
  }
  return fstatSync(descriptor, { bigint: true }).mtimeNs
}

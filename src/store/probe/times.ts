import { statSync, utimesSync } from 'node:fs'
import type { StoreAbilities } from '../abilities.ts'

/** An odd second, for filesystems with steps of two, after 1980, when FAT begins. utimes takes a float: here its steps are of 60 ns. */
const precise = 345_678_901.123_456_8

const steps = [2e9, 1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2]

/** Times that files do have, in seconds: 1902, 1960, 1970, 2037, 2039, 2107, 2400. Those of 32 bits end in 2038 or 2106, ext4's in 2446. */
const past = [-2_145_916_800, -315_619_200, 0]
const future = [2_114_380_800, 2_177_452_800, 4_323_369_600, 13_569_465_600]

/** Gives `file` modification times and reads them back. */
export function probeTimes(file: string): Pick<StoreAbilities, 'mtimeStepNs' | 'mtimeRange'> {
  const mtimeStepNs = stepOf(setTime(file, precise))
  const from = findEnd(past.toReversed(), (seconds) => readSeconds(file, seconds))
  const to = findEnd(future, (seconds) => readSeconds(file, seconds))
  const isWhole = from === past[0] && to === future.at(-1)
  return { mtimeStepNs, ...(isWhole ? {} : { mtimeRange: { from, to } }) }
}

/** What a time with all digits that was read back tells of the step; 1 where the last digits are there. */
export function stepOf(mtimeNs: bigint): number {
  return steps.find((step) => mtimeNs % BigInt(step) === 0n) ?? 1
}

/**
 * The last of the times, from here on outwards, that are kept; where the next one is brought back to the end of the range
 * (as the kernel does for filesystems that tell it theirs), that end.
 */
export function findEnd(times: readonly number[], keep: (seconds: number) => number): number {
  let end = 315_532_800
  for (const time of times) {
    const kept = keep(time)
    // steps of two seconds may move it by one
    if (Math.abs(kept - time) <= 1) end = time
    else return Math.min(time, end) <= kept && kept <= Math.max(time, end) ? kept : end
  }
  return end
}

/** The lacks in words. */
export function describeRange({ mtimeRange }: Pick<StoreAbilities, 'mtimeRange'>): string[] {
  if (mtimeRange === undefined) return []
  const { from, to } = mtimeRange
  return [
    ...(from === past[0] ? [] : [`times before ${yearOf(from)}`]),
    ...(to === future.at(-1) ? [] : [`times after ${yearOf(to)}`]),
  ]
}

function yearOf(seconds: number): number {
  return new Date(seconds * 1000).getUTCFullYear()
}

function readSeconds(file: string, seconds: number): number {
  return Number(setTime(file, seconds) / 1_000_000_000n)
}

function setTime(file: string, seconds: number): bigint {
  // a Date, because Node takes a negative number for the time of now
  const time = Number.isInteger(seconds) ? new Date(seconds * 1000) : seconds
  try {
    utimesSync(file, time, time)
  } catch {
    // it has another one then
  }
  return statSync(file, { bigint: true }).mtimeNs
}

import { measureKeptTimes } from '../../system/kept-times.ts'
import type { StoreAbilities } from '../abilities.ts'

/** Times that files do have, in seconds: of 1902 and 2400. */
const usual = { from: -2_145_916_800, to: 13_569_465_600 }

/**
 * How the filesystem of `file` keeps modification times; the range only where it is not all that
 * files have.
 */
export function probeTimes(file: string): Pick<StoreAbilities, 'mtimeStepNs' | 'mtimeRange'> {
  const { stepNs, earliestNs, latestNs } = measureKeptTimes(file)
  const [from, to] = [secondsOf(earliestNs), secondsOf(latestNs)]
  const isWhole = from <= usual.from && to >= usual.to
  return { mtimeStepNs: Number(stepNs), ...(isWhole ? {} : { mtimeRange: { from, to } }) }
}

/** The lacks in words. */
export function describeRange({ mtimeRange }: Pick<StoreAbilities, 'mtimeRange'>): string[] {
  if (mtimeRange === undefined) return []
  const { from, to } = mtimeRange

  return [
    ...(from <= usual.from ? [] : [`times before ${yearOf(from)}`]),
    ...(to >= usual.to ? [] : [`times after ${yearOf(to)}`]),
  ]
}

function secondsOf(ns: bigint): number {
  return Number(ns / 1_000_000_000n)
}

function yearOf(seconds: number): number {
  return new Date(seconds * 1000).getUTCFullYear()
}

import type { Suite, Test } from 'mocha'
import { randomOf, seed } from '../crash/support/random.ts'

/**
 * All that can be tried is tried with SNAP_VOLUME_TEST_THOROUGH=1; else a sample, chosen by the
 * seed.
 */
export const isThorough = process.env['SNAP_VOLUME_TEST_THOROUGH'] === '1'

/** How often something is tried. */
export function howOften(thorough: number, sampled: number): number {
  return isThorough ? thorough : sampled
}

/**
 * How many rounds a test of chance goes: SNAP_VOLUME_TEST_ROUNDS, to look for a fault that is rare;
 * else as `howOften`.
 */
export function roundsOf(thorough: number, sampled: number): number {
  const asked = Number(process.env['SNAP_VOLUME_TEST_ROUNDS'] ?? NaN)
  return Number.isNaN(asked) ? howOften(thorough, sampled) : asked
}

/**
 * So many of them, each chosen by the seed from its part of the list: what is the same for the same
 * name.
 */
export function sample<T>(items: readonly T[], count: number, name: string): T[] {
  const random = randomOf(name)
  if (items.length <= count) return [...items]
  return Array.from({ length: count }, (_, part) => {
    const [start, end] = [part, part + 1].map((at) => Math.floor((at * items.length) / count))
    return items.slice(start, end)
  }).map((part) => part[Math.floor(random() * part.length)] as T)
}

/** A test of one run in so many, chosen by the seed; of every run where all is tried. */
export function itSometimes(oneIn: number, title: string, test: () => Promise<void>): void {
  if (isThorough || randomOf(title)() * oneIn < 1) it(title, test)
}

/** Which tests of a suite a run tries: so many, or all of them in one run of so many. */
export type Share = { tests: number } | { oneIn: number }

/** A suite of which a run tries a share, chosen by the seed. */
export function describeSample(share: Share, title: string, define: (this: Suite) => void): void {
  trySome(share, describe(title, define))
}

/** Leaves of the tests of a suite those that this run tries. */
export function trySome(share: Share, suite: Suite): void {
  const all = testsOf(suite)
  const isTried = 'tests' in share || randomOf(suite.title)() * share.oneIn < 1
  const count = 'tests' in share ? share.tests : all.length
  if (!isThorough) keepOnly(new Set(isTried ? sample(all, count, suite.title) : []), suite)
  suite.title += ` (SNAP_VOLUME_TEST_SEED=${seed})`
}

function testsOf({ tests, suites }: Suite): Test[] {
  return [...tests, ...suites.flatMap(testsOf)]
}

function keepOnly(kept: ReadonlySet<Test>, suite: Suite): void {
  suite.tests = suite.tests.filter((test) => kept.has(test))
  for (const inner of suite.suites) keepOnly(kept, inner)
}

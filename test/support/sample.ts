import { randomOf } from '../crash/support/random.ts'

/** All that can be tried is tried with SNAP_VOLUME_TEST_THOROUGH=1; else a sample, chosen by the seed. */
export const isThorough = process.env['SNAP_VOLUME_TEST_THOROUGH'] === '1'

/** How often something is tried. */
export function howOften(thorough: number, sampled: number): number {
  return isThorough ? thorough : sampled
}

/** So many of them, each chosen by the seed from its part of the list: what is the same for the same name. */
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

import { randomOf } from '../crash/support/random.ts'

/** All that can be tried is tried with SNAP_VOLUME_TEST_THOROUGH=1; else a sample, chosen by the seed. */
export const isThorough = process.env['SNAP_VOLUME_TEST_THOROUGH'] === '1'

/** How often something is tried. */
export function howOften(thorough: number, sampled: number): number {
  return isThorough ? thorough : sampled
}

/** One, chosen by the seed, of each `size` of the same kind that follow one another: at least one of every kind. */
export function sample<T extends { name: string }>(items: readonly T[], size: number): T[] {
  return [...Map.groupBy(items, ({ name }) => name)].flatMap(([name, kind]) => {
    const random = randomOf(name)
    return chunksOf(kind, size).map((chunk) => chunk[Math.floor(random() * chunk.length)] as T)
  })
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}

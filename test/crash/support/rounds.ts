import { Bench, type BenchOptions } from './bench.ts'
import { type Random, randomOf, seed } from './random.ts'

/**
 * A snapshot waits for a second of its own; more would be late with their kills, because other
 * files of tests run beside.
 */
export const laneCount = 2

/** Runs `round` until it was true so many times; a failure says which one of which seed it was. */
export async function repeat(
  times: number,
  name: string,
  options: BenchOptions,
  round: (bench: Bench, random: Random) => Promise<boolean>,
): Promise<void> {
  await inLanes(options, async (bench, lane) => {
    let left = times / laneCount
    for (let number = lane; left > 0; number += laneCount) {
      try {
        if (await round(bench, randomOf(`${name} ${number}`))) left -= 1
      } catch (error) {
        throw new Error(
          `${name} ${number}, SNAP_VOLUME_TEST_SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        )
      }
    }
  })
}

/** Works on benches side by side, and ends when all are done, also when one fails. */
export async function inLanes(
  options: BenchOptions,
  work: (bench: Bench, lane: number) => Promise<void>,
): Promise<void> {
  const lanes = Array.from({ length: laneCount }, (_, lane) =>
    withBench(options, (bench) => work(bench, lane)),
  )
  const results = await Promise.allSettled(lanes)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

export async function withBench<T>(
  options: BenchOptions,
  work: (bench: Bench) => Promise<T>,
): Promise<T> {
  const bench = await Bench.create(options)
  try {
    return await work(bench)
  } finally {
    await bench.remove()
  }
}

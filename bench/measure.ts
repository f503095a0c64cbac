import { performance } from 'node:perf_hooks'
import type { Bench } from './bench.ts'
import type { Series } from './figures.ts'

/** One who is timed; only `run` is. */
export interface Contender {
  name: string
  prepare?: (() => Promise<void>) | undefined
  run: () => Promise<void>
  cleanUp?: (() => Promise<void>) | undefined
}

export interface Rounds {
  runs?: number
  /** Rounds before those that count. */
  warmUps?: number
  /** Untimed; what all contenders of the round find. */
  beforeRound?: () => Promise<void>
}

/**
 * Lets the contenders take turns, so that what else the machine does meets all of them; gives
 * seconds.
 */
export async function measure(
  bench: Bench,
  contenders: readonly Contender[],
  { runs = bench.runs, warmUps = 1, beforeRound }: Rounds = {},
): Promise<Series[]> {
  const turns = contenders.map((contender) => ({ contender, values: [] as number[] }))
  for (let round = 1 - warmUps; round <= runs; round += 1) {
    await beforeRound?.()
    for (const { contender, values } of turns) {
      const seconds = await time(bench, contender)
      const which = round > 0 ? `run ${round} of ${runs}` : 'warm-up'
      bench.say(`${which}: ${contender.name} ${seconds.toFixed(3)} s`)
      if (round > 0) values.push(seconds)
    }
  }
  return turns.map(({ contender: { name }, values }) => ({ name, values }))
}

async function time({ run }: Bench, contender: Contender): Promise<number> {
  await contender.prepare?.()
  // nobody pays for another's dirty pages
  await run(['sync'])
  const began = performance.now()
  await contender.run()
  const seconds = (performance.now() - began) / 1000
  await contender.cleanUp?.()
  return seconds
}

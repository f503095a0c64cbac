import type { Bench, Scenario } from '../bench.ts'
import { makeStore } from '../contenders/make-store.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import { type Figures, secondsOf } from '../figures.ts'
import { type Contender, measure } from '../measure.ts'

const severalSnapshots = 8

/** Nothing changes between the snapshots, so every file is in those that stay too. */
export const deletion: Scenario = async (bench) => [
  await measureDeletion(bench, 1, 'one of several snapshots goes'),
  await measureDeletion(
    bench,
    severalSnapshots,
    `${severalSnapshots} of several snapshots go at once`,
  ),
]

/** Each takes the oldest of one store in turn, so that what they delete is alike. */
async function measureDeletion(bench: Bench, each: number, title: string): Promise<Figures> {
  const { run, home, tree, runs } = bench
  const wanted = 2 * each * (runs + 1) + 2
  const ours = snapVolume(run, tree.root)
  const store = await makeStore(home, { ...ours, name: `store ${each}` })
  for (let taken = 1; taken <= wanted; taken += 1) {
    bench.say(`snapshot ${taken} of ${wanted}`)
    await store.prepare?.()
    await store.snapshot()
  }
  const prune: Contender = {
    name: 'snap-volume prune',
    run: async () => store.prune(store.snapshots().length - each),
  }
  const remove: Contender = {
    name: 'rm -rf',
    run: async () => void (await run(['rm', '-rf', ...store.snapshots().slice(0, each)])),
  }
  const series = await measure(bench, [prune, remove])
  return secondsOf(title, series, ['snap-volume deletes at the lowest priority'])
}

import type { Bench, Scenario } from '../bench.ts'
import { makeStore } from '../contenders/make-store.ts'
import { type SnapVolumeStore, snapVolume } from '../contenders/snap-volume.ts'
import { type Figures, secondsOf } from '../figures.ts'
import { type Contender, measure } from '../measure.ts'

interface Deletion {
  title: string
  name: string
  /** So many snapshots at a time. */
  each: number
  prune: (store: SnapVolumeStore, keep: number) => Promise<void>
}

const deletions: Deletion[] = [
  {
    title: 'one of several snapshots goes, in a process that runs already, as the sidecar does',
    name: 'the action prune',
    each: 1,
    prune: async (store, keep) => store.pruneInProcess(keep),
  },
  {
    title: 'one of several snapshots goes, by a command',
    name: 'snap-volume prune',
    each: 1,
    prune: async (store, keep) => store.prune(keep),
  },
  {
    title: '8 of several snapshots go at once, by a command',
    name: 'snap-volume prune',
    each: 8,
    prune: async (store, keep) => store.prune(keep),
  },
]

/** Nothing changes between the snapshots, so every file is in those that stay too. */
export const deletion: Scenario = async (bench) => {
  const figures: Figures[] = []
  for (const each of deletions) figures.push(await measureDeletion(bench, each))
  return figures
}

/** Each takes the oldest of one store in turn, so that what they delete is alike. */
async function measureDeletion(
  bench: Bench,
  { title, name, each, prune }: Deletion,
): Promise<Figures> {
  const { run, home, tree, runs } = bench
  const wanted = 2 * each * (runs + 1) + 2
  const ours = snapVolume(run, tree.root)
  const store = await makeStore(home, { ...ours, name: title })
  for (let taken = 1; taken <= wanted; taken += 1) {
    bench.say(`snapshot ${taken} of ${wanted}`)
    await store.prepare?.()
    await store.snapshot()
  }
  const pruning: Contender = {
    name,
    run: async () => prune(store, store.snapshots().length - each),
  }
  const remove: Contender = {
    name: 'rm -rf',
    run: async () => void (await run(['rm', '-rf', ...store.snapshots().slice(0, each)])),
  }
  const series = await measure(bench, [pruning, remove])
  return secondsOf(title, series, ['snap-volume deletes at the lowest priority'])
}

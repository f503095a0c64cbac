import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
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

async function measureDeletion(bench: Bench, each: number, title: string): Promise<Figures> {
  const { run, home, tree, runs } = bench
  const wanted = each * (runs + 1)
  const ours = snapVolume(run, tree.root)
  const store = await makeStore(home, { ...ours, name: `store ${each}` })
  for (let taken = 0; taken < wanted + 2; taken += 1) {
    bench.say(`snapshot ${taken + 1} of ${wanted + 2}`)
    await store.prepare?.()
    await store.snapshot()
  }
  let left = wanted + 2
  const prune: Contender = {
    name: 'snap-volume prune',
    async run() {
      left -= each
      await store.prune(left)
    },
  }
  const series = await measure(bench, [prune, await removing(bench, each)])
  return secondsOf(title, series, ['snap-volume deletes at the lowest priority'])
}

/** rm(1) of as many trees of links. */
async function removing({ run, home, tree }: Bench, each: number): Promise<Contender> {
  const directory = join(home, `trees ${each}`)
  const first = join(directory, 'first')
  await mkdir(directory)
  await run(['cp', '-a', tree.root, first])
  const trees = Array.from({ length: each }, (_, index) => join(directory, String(index)))
  return {
    name: 'rm -rf',
    async prepare() {
      for (const path of trees) await run(['cp', '-al', first, path])
    },
    async run() {
      await run(['rm', '-rf', ...trees])
    },
  }
}

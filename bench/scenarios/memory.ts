import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Scenario } from '../bench.ts'
import { makeStore } from '../contenders/make-store.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import type { Series } from '../figures.ts'
import { changeContents } from '../mutate.ts'
import { peakMemory } from '../peak-memory.ts'

const mostRuns = 3

export const memory: Scenario = async (bench) => {
  const { run, home, tree, say } = bench
  const runs = Math.min(bench.runs, mostRuns)
  // a node of its own: PSS would share the pages of this one between the two
  const node = join(home, 'node')
  await copyFile(process.execPath, node)
  const kind = snapVolume(run, tree.root, { node })
  const first: Series = { name: 'the first snapshot', values: [] }
  const unchanged: Series = { name: 'nothing has changed', values: [] }
  const changed: Series = { name: '1 % has new content', values: [] }
  for (let round = 1; round <= runs; round += 1) {
    const store = await makeStore(home, { ...kind, name: `store ${round}` })
    const takeSnapshot = async ({ name, values }: Series): Promise<void> => {
      await store.prepare?.()
      const megabytes = await peakMemory(store.snapshot)
      say(`run ${round} of ${runs}: ${name} ${megabytes.toFixed(1)} MB`)
      values.push(megabytes)
    }
    await takeSnapshot(first)
    await takeSnapshot(unchanged)
    await changeContents(tree)
    await takeSnapshot(changed)
  }
  return [
    {
      title: 'the most memory that snap-volume and what it runs have at a time',
      unit: 'MB',
      series: [first, unchanged, changed],
      isComparison: false,
      notes: ['the sum of their PSS, looked at every 50 ms'],
    },
  ]
}

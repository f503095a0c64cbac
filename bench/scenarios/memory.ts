import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Scenario } from '../bench.ts'
import { makeStore } from '../contenders/make-store.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import { damage } from '../damage.ts'
import type { Series } from '../figures.ts'
import { changeContents } from '../mutate.ts'
import { peakMemory } from '../peak-memory.ts'
import { layInRoom } from '../room.ts'

const mostRuns = 3

export const memory: Scenario = async (bench) => {
  const { run, home, tree, say } = bench
  const runs = Math.min(bench.runs, mostRuns)
  // a node of its own: PSS would share the pages of this one between the two
  const node = join(home, 'node')
  await copyFile(process.execPath, node)
  const kind = snapVolume(run, tree.root, { node })
  const first = measured('the first snapshot')
  const unchanged = measured('nothing has changed')
  const changed = measured('1 % has new content')
  const restored = measured('a restore after 1 % was damaged')
  for (let round = 1; round <= runs; round += 1) {
    await layInRoom(run, tree.root, join(home, 'room'))
    const store = await makeStore(home, { ...kind, name: `store ${round}` })
    const watch = async (
      { memory: { name, values }, time }: Measured,
      work: () => Promise<void>,
    ): Promise<void> => {
      await store.prepare?.()
      await run(['sync'])
      const began = performance.now()
      const megabytes = await peakMemory(work)
      const seconds = (performance.now() - began) / 1000
      say(`run ${round} of ${runs}: ${name} ${megabytes.toFixed(1)} MB, ${seconds.toFixed(3)} s`)
      values.push(megabytes)
      time.values.push(seconds)
    }
    // a million files have no room in the page cache; with fewer there, the times could not be
    // compared
    await run(['sync'])
    await writeFile('/proc/sys/vm/drop_caches', '3')
    await watch(first, store.snapshot)
    await watch(unchanged, store.snapshot)
    await changeContents(tree)
    await watch(changed, store.snapshot)
    const done = await damage(tree)
    await watch(restored, store.restore)
    await done.assertUndone()
    await done.removeAdded()
  }
  const all = [first, unchanged, changed, restored]
  return [
    {
      title: 'the most memory that snap-volume and what it runs have at a time',
      unit: 'MB',
      series: all.map(({ memory }) => memory),
      isComparison: false,
      notes: ['the sum of their PSS, looked at every 50 ms'],
    },
    {
      title: 'how long they take meanwhile, to be compared with other numbers of files',
      unit: 'seconds',
      series: all.map(({ time }) => time),
      isComparison: false,
      notes: ['the data are not in memory at the first snapshot'],
    },
  ]
}

/** Of one kind of work. */
interface Measured {
  memory: Series
  time: Series
}

function measured(name: string): Measured {
  return { memory: { name, values: [] }, time: { name, values: [] } }
}

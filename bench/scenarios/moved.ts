import { readdirSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench, Scenario } from '../bench.ts'
import { makeStore } from '../contenders/make-store.ts'
import { rsyncLinkDest } from '../contenders/rsync.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import type { SnapshotStore } from '../contenders/store.ts'
import { type Series, secondsOf } from '../figures.ts'
import { type Contender, measure } from '../measure.ts'
import { settle } from '../tree.ts'

const suffix = '-moved'

/**
 * Half of the directories get another name before each round, and their own again before the next
 * one.
 */
export const moved: Scenario = async (bench) => {
  const { run, home, tree } = bench
  const directories = readdirSync(tree.root).toSorted()
  const half = directories.slice(0, Math.ceil(directories.length / 2))
  let areMoved = false
  const beforeRound = async (): Promise<void> => {
    for (const name of half) {
      const names = [join(tree.root, name), join(tree.root, `${name}${suffix}`)] as const
      await (areMoved ? rename(names[1], names[0]) : rename(...names))
    }
    areMoved = !areMoved
    await settle()
  }
  const sidecar = await makeStore(home, snapVolume(run, tree.root, { sidecar: true }))
  const alone = { ...snapVolume(run, tree.root), name: 'snap-volume without its sidecar' }
  const ours = await makeStore(home, alone)
  const rsync = await makeStore(home, rsyncLinkDest(run, tree.root))
  const probes = [
    probe(bench, 'snap-volume', sidecar, () => sidecar.snapshots().at(-1) ?? ''),
    probe(bench, alone.name, ours, () => ours.snapshots().at(-1) ?? ''),
    probe(bench, 'rsync --link-dest', rsync, rsync.newest),
  ]
  try {
    for (const store of [sidecar, ours, rsync]) {
      await store.snapshot()
      await store.settle?.()
    }
    const title = 'half of the directories have another name'
    bench.say(title)
    const contenders = probes.map(({ contender }) => contender)
    const seconds = await measure(bench, contenders, { beforeRound })
    return [
      secondsOf(title, seconds),
      {
        title: `${title}: new bytes in files`,
        unit: 'MB' as const,
        series: probes.map(({ newBytes }) => newBytes()),
        isComparison: false,
        notes: [],
      },
    ]
  } finally {
    await sidecar.close?.()
    if (areMoved) await beforeRound()
  }
}

/** Times snapshots, and beside it counts what their files take that no other snapshot has. */
function probe(
  { run }: Bench,
  name: string,
  { prepare, snapshot, settle: untilSettled }: SnapshotStore,
  newest: () => string,
): { contender: Contender; newBytes: () => Series } {
  const values: number[] = []
  return {
    contender: {
      name,
      prepare,
      run: snapshot,
      async cleanUp() {
        const found = await run(['find', newest(), '-type', 'f', '-links', '1', '-printf', '%b\n'])
        const blocks = found.split('\n').reduce((sum, line) => sum + Number(line), 0)
        values.push((blocks * 512) / 1e6)
        await untilSettled?.()
      },
    },
    newBytes: () => ({ name, values: values.slice(1) }),
  }
}

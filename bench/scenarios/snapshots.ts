import type { Bench, Scenario } from '../bench.ts'
import { makeStore, takingSnapshots } from '../contenders/make-store.ts'
import { repositoriesIfFeasible, rsnapshotIfFeasible, whyLeftOut } from '../contenders/peers.ts'
import { linkedCopy, rsyncLinkDest } from '../contenders/rsync.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import type { SnapshotStore, StoreKind } from '../contenders/store.ts'
import { compileWalker } from '../contenders/walker.ts'
import { type Figures, secondsOf } from '../figures.ts'
import { type Contender, measure } from '../measure.ts'
import { changeContents, changeMetadata } from '../mutate.ts'

export const unchanged: Scenario = async (bench) => {
  const { run, home, tree } = bench
  const base = rsyncLinkDest(run, tree.root)
  const baseStore = await makeStore(home, { ...base, name: 'base' })
  await baseStore.snapshot()
  const walker = await compileWalker(run, tree.root, baseStore.newest(), home)
  return withContenders(bench, async (contenders) => {
    const series = await measure(bench, [...contenders, walker])
    return [secondsOf('a snapshot of what has not changed', series, notesOf(bench))]
  })
}

export const changed: Scenario = async (bench) => {
  const beforeRound = () => changeContents(bench.tree)
  return withContenders(bench, async (contenders) => {
    const series = await measure(bench, contenders, { beforeRound })
    return [secondsOf('1 % of the files have new content', series, notesOf(bench))]
  })
}

export const metadata: Scenario = async (bench) => {
  const beforeRound = () => changeMetadata(bench.tree)
  return withContenders(bench, async (contenders) => {
    const series = await measure(bench, contenders, { beforeRound })
    return [
      secondsOf('1 % of the files have another mode, owner or time', series, [
        'cp -al, then rsync, and rsnapshot change them in the older snapshots too, which share the files',
        ...notesOf(bench),
      ]),
    ]
  })
}

/** Each has a store with its first snapshot. */
async function withContenders(
  bench: Bench,
  work: (contenders: Contender[]) => Promise<Figures[]>,
): Promise<Figures[]> {
  const contenders: Contender[] = []
  const stores: SnapshotStore[] = []
  try {
    for (const kind of kindsFor(bench)) {
      bench.say(`first snapshot: ${kind.name}`)
      const store = await makeStore(bench.home, kind)
      stores.push(store)
      await store.snapshot()
      await store.settle?.()
      contenders.push(takingSnapshots(kind.name, store))
    }
    return await work(contenders)
  } finally {
    for (const store of stores) await store.close?.()
  }
}

function kindsFor(bench: Bench): StoreKind[] {
  const { run, tree } = bench
  return [
    snapVolume(run, tree.root, { sidecar: true }),
    { ...snapVolume(run, tree.root), name: 'snap-volume without its sidecar' },
    rsyncLinkDest(run, tree.root),
    linkedCopy(run, tree.root),
    ...rsnapshotIfFeasible(bench),
    ...repositoriesIfFeasible(bench),
  ]
}

function notesOf(bench: Bench): string[] {
  return whyLeftOut(bench, 'rsnapshot, restic, borg')
}

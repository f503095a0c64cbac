import type { Bench, Scenario } from '../bench.ts'
import { makeStore, takingSnapshots } from '../contenders/make-store.ts'
import { repositoriesIfFeasible, rsnapshotIfFeasible, whyLeftOut } from '../contenders/peers.ts'
import { linkedCopy, rsyncLinkDest } from '../contenders/rsync.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import type { StoreKind } from '../contenders/store.ts'
import { compileWalker } from '../contenders/walker.ts'
import { secondsOf } from '../figures.ts'
import { type Contender, measure } from '../measure.ts'
import { changeContents, changeMetadata } from '../mutate.ts'

export const unchanged: Scenario = async (bench) => {
  const { run, home, tree } = bench
  const base = rsyncLinkDest(run, tree.root)
  const baseStore = await makeStore(home, { ...base, name: 'base' })
  await baseStore.snapshot()
  const walker = await compileWalker(run, tree.root, baseStore.newest(), home)
  const contenders = [...(await openContenders(bench)), walker]
  const series = await measure(bench, contenders)
  return [secondsOf('a snapshot of what has not changed', series, notesOf(bench))]
}

export const changed: Scenario = async (bench) => {
  const contenders = await openContenders(bench)
  const beforeRound = () => changeContents(bench.tree)
  const series = await measure(bench, contenders, { beforeRound })
  return [secondsOf('1 % of the files have new content', series, notesOf(bench))]
}

export const metadata: Scenario = async (bench) => {
  const contenders = await openContenders(bench)
  const beforeRound = () => changeMetadata(bench.tree)
  const series = await measure(bench, contenders, { beforeRound })
  return [
    secondsOf('1 % of the files have another mode, owner or time', series, [
      'cp -al, then rsync, and rsnapshot change them in the older snapshots too, which share the files',
      ...notesOf(bench),
    ]),
  ]
}

/** Each with a store that has its first snapshot. */
async function openContenders(bench: Bench): Promise<Contender[]> {
  const contenders: Contender[] = []
  for (const kind of kindsFor(bench)) {
    bench.say(`first snapshot: ${kind.name}`)
    const store = await makeStore(bench.home, kind)
    await store.snapshot()
    contenders.push(takingSnapshots(kind.name, store))
  }
  return contenders
}

function kindsFor(bench: Bench): StoreKind[] {
  const { run, tree } = bench
  return [
    snapVolume(run, tree.root),
    rsyncLinkDest(run, tree.root),
    linkedCopy(run, tree.root),
    ...rsnapshotIfFeasible(bench),
    ...repositoriesIfFeasible(bench),
  ]
}

function notesOf(bench: Bench): string[] {
  return whyLeftOut(bench, 'rsnapshot, restic, borg')
}

import type { Scenario } from '../bench.ts'
import { makeStore, takingSnapshots } from '../contenders/make-store.ts'
import { rsnapshotIfFeasible, whyLeftOut } from '../contenders/peers.ts'
import { rsyncLinkDest } from '../contenders/rsync.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import type { SnapshotStore } from '../contenders/store.ts'
import { type Figures, secondsOf } from '../figures.ts'
import { type Contender, type Rounds, measure } from '../measure.ts'
import { changeContents } from '../mutate.ts'

const keep = 3

/** Until what is removed is as old as it will always be. */
const warmUps = 5

export const steady: Scenario = async (bench) => {
  const { run, home, tree } = bench
  const kinds = [
    snapVolume(run, tree.root, { keep, sidecar: true }),
    { ...snapVolume(run, tree.root, { keep }), name: 'snap-volume without its sidecar' },
    rsyncLinkDest(run, tree.root, { keep }),
    ...rsnapshotIfFeasible(bench, keep),
  ]
  const contenders: Contender[] = []
  const stores: SnapshotStore[] = []
  for (const kind of kinds) {
    const store = await makeStore(home, kind)
    stores.push(store)
    contenders.push(takingSnapshots(kind.name, store))
  }

  const measureWith = async (title: string, rounds: Rounds): Promise<Figures> => {
    bench.say(title)
    const series = await measure(bench, contenders, { ...rounds, warmUps })
    return secondsOf(title, series, whyLeftOut(bench, 'rsnapshot'))
  }
  const oldestGoes = `the oldest of ${keep} snapshots goes with each new one`
  try {
    return [
      await measureWith(`${oldestGoes}, nothing has changed`, {}),
      await measureWith(`${oldestGoes}, 1 % of the files have new content`, {
        beforeRound: () => changeContents(tree),
      }),
    ]
  } finally {
    for (const store of stores) await store.close?.()
  }
}

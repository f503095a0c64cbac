import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench, Scenario } from '../bench.ts'
import { discard } from '../command.ts'
import { repositoriesIfFeasible, rsnapshotIfFeasible, whyLeftOut } from '../contenders/peers.ts'
import { durableCopy, plainCopy } from '../contenders/rsync.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import type { SnapshotStore, StoreKind } from '../contenders/store.ts'
import { secondsOf } from '../figures.ts'
import { type Contender, measure } from '../measure.ts'
import { layInRoom } from '../room.ts'

export const first: Scenario = async (bench) => {
  const { run, tree } = bench
  const kinds = [
    snapVolume(run, tree.root),
    plainCopy(run, tree.root),
    durableCopy(run, tree.root),
    ...rsnapshotIfFeasible(bench),
    ...repositoriesIfFeasible(bench),
  ]
  const contenders = kinds.map((kind) => intoNewStore(bench, kind))
  const series = await measure(bench, contenders)
  return [
    secondsOf('the first snapshot, into an empty store', series, [
      'snap-volume, restic and borg have the data on the disk when they end, rsync and rsnapshot in memory',
      ...whyLeftOut(bench, 'rsnapshot, restic, borg'),
    ]),
  ]
}

function intoNewStore({ home, run, tree }: Bench, kind: StoreKind): Contender {
  const directory = join(home, 'store')
  let store: SnapshotStore
  return {
    name: kind.name,
    async prepare() {
      await layInRoom(run, tree.root, join(home, 'room'))
      await mkdir(directory)
      store = await kind.make(directory)
    },
    run: () => store.snapshot(),
    async cleanUp() {
      await discard(run, directory)
    },
  }
}

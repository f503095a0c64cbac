import type { Bench, Scenario } from '../bench.ts'
import { makeStore } from '../contenders/make-store.ts'
import { rsyncLinkDest } from '../contenders/rsync.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import type { SnapshotStore } from '../contenders/store.ts'
import { secondsOf } from '../figures.ts'
import { measure } from '../measure.ts'

/** Nothing changes between the snapshots, so every file is in those that stay too. */
export const deleteOne: Scenario = async (bench) => {
  const { run, home, tree, runs } = bench
  const deletions = runs + 1
  const ours = snapVolume(run, tree.root)
  const rsync = rsyncLinkDest(run, tree.root)
  const ourStore = await makeStore(home, ours)
  const rsyncStore = await makeStore(home, rsync)
  await takeSnapshots(bench, ours.name, ourStore, deletions + 2)
  await takeSnapshots(bench, rsync.name, rsyncStore, deletions + 2)
  let left = deletions + 2
  const series = await measure(bench, [
    {
      name: 'snap-volume prune',
      async run() {
        left -= 1
        await ourStore.prune(left)
      },
    },
    { name: 'rm -rf', run: () => rsyncStore.removeOldest() },
  ])
  return [
    secondsOf('one of several snapshots goes', series, [
      'snap-volume deletes at the lowest priority',
    ]),
  ]
}

async function takeSnapshots(
  { say }: Bench,
  name: string,
  { prepare, snapshot }: SnapshotStore,
  count: number,
): Promise<void> {
  for (let taken = 1; taken <= count; taken += 1) {
    say(`snapshot ${taken} of ${count}: ${name}`)
    await prepare?.()
    await snapshot()
  }
}

import type { Bench, Scenario } from '../bench.ts'
import { makeStore } from '../contenders/make-store.ts'
import { repositoriesIfFeasible, whyLeftOut } from '../contenders/peers.ts'
import { rsyncLinkDest } from '../contenders/rsync.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import type { RestorableStore, StoreKind } from '../contenders/store.ts'
import { type Damage, damage } from '../damage.ts'
import { type Figures, secondsOf } from '../figures.ts'
import { type Contender, measure } from '../measure.ts'
import { addTwins, removeTwins } from '../tree.ts'

const safety = "snap-volume's time includes the safety snapshot of what it replaces"

export const restore: Scenario = async (bench) => {
  const { run, tree } = bench
  const ours = [
    snapVolume(run, tree.root, { sidecar: true }),
    { ...snapVolume(run, tree.root), name: 'snap-volume without its sidecar' },
  ]
  const rsyncs = [
    rsyncLinkDest(run, tree.root, { isSafe: true }),
    { ...rsyncLinkDest(run, tree.root), name: 'rsync --delete, which keeps nothing' },
  ]
  const others = repositoriesIfFeasible(bench)

  await removeTwins(tree)
  const withoutLinks = await measureRestores(
    bench,
    'no hard links',
    [...ours, ...rsyncs, ...others],
    ['restic and borg leave what was added', ...whyLeftOut(bench, 'restic, borg')],
  )
  await addTwins(tree)
  const withLinks = await measureRestores(bench, 'a few hard links', [...ours, ...rsyncs], [])
  return [withoutLinks, withLinks]
}

async function measureRestores(
  bench: Bench,
  data: string,
  kinds: readonly StoreKind<RestorableStore>[],
  notes: readonly string[],
): Promise<Figures> {
  const contenders: Contender[] = []
  const stores: RestorableStore[] = []
  for (const kind of kinds) {
    const store = await makeStore(bench.home, { ...kind, name: `${kind.name}, ${data}` })
    stores.push(store)
    contenders.push(restoringDamage(bench, kind.name, store))
  }
  const title = `1 % of the live files overwritten, some deleted, some added; the data have ${data}`
  bench.say(title)
  try {
    return secondsOf(title, await measure(bench, contenders), [safety, ...notes])
  } finally {
    for (const store of stores) await store.close?.()
  }
}

/** Each time of a new snapshot, because another's restore may have written every live file anew. */
function restoringDamage({ tree }: Bench, name: string, store: RestorableStore): Contender {
  let done: Damage
  return {
    name,
    async prepare() {
      await store.prepare?.()
      await store.snapshot()
      await store.settle?.()
      done = await damage(tree)
      await store.prepare?.()
    },
    run: () => store.restore(),
    async cleanUp() {
      await done.assertUndone()
      await done.removeAdded()
      await store.settle?.()
    },
  }
}

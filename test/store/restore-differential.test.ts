import { linkSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { planRestore, restore } from '../../src/actions/restore/restore.ts'
import { randomOf, seed } from '../crash/support/random.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { Mutator } from './support/mutations.ts'
import { roundsOf } from '../support/sample.ts'

const rounds = roundsOf(30, 10)

describe(`${rounds} restores of data that change at random (engine link)`, function () {
  this.timeout(300_000)

  let store: InProcessStore

  beforeEach(() => {
    store = makeInProcessStore('link', 1000)
  })

  afterEach(() => store.remove())

  async function restoreTo(snapshot: string) {
    const options = { undo: false, reference: snapshot, volumes: [], readAll: false } as const
    const [planned] = (await planRestore(store.context, options)).volumes
    const [done] = (await restore(store.context, options)).volumes
    return { planned: planned?.counts, done: done?.counts }
  }

  it(`each make them equal to the snapshot, and change nothing elsewhere (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    const snapshots = new Map<string, Tree>()
    const mutator = new Mutator(store.data, randomOf('restores'))
    const outside = join(store.data, '../outside')
    mkdirSync(outside)
    mutator.grow()
    await untilAllIsOld(store.data)
    for (let round = 0; round < rounds; round += 1) {
      const { name } = await store.snapshot()
      snapshots.set(name, walkTree(store.dataIn(name)))
      const mutations = mutator.mutate(round % 4 === 0 ? 40 : 9)
      const linked = mutator.anyEntry()
      if (linked !== undefined) linkSync(mutator.at(linked), join(outside, `${round}`))
      // else nothing is proven, and all is compared by content
      if (round % 2 === 0) await untilAllIsOld(store.data)
      const before = walkTree(outside)
      const wanted = mutator.pick([...snapshots.keys()].slice(-4)) ?? name
      const what = `seed ${seed}, round ${round}, ${wanted} after ${mutations.join(' ')}`
      const { planned, done } = await restoreTo(wanted)
      const tree = snapshots.get(wanted)
      expect(compareTrees(tree ?? new Map(), walkTree(store.data)), what).to.deep.equal([])
      expect(compareTrees(before, walkTree(outside)), `outside, ${what}`).to.deep.equal([])
      expect(done?.created, what).to.equal(planned?.created)
      expect(done?.deleted, what).to.equal(planned?.deleted)
      // a plan does not know yet which names of a group the safety snapshot will prove
      expect(done?.changed, what).to.be.at.most(planned?.changed ?? 0)
    }
    for (const [name, tree] of snapshots) {
      expect(compareTrees(tree, walkTree(store.dataIn(name))), name).to.deep.equal([])
    }
  })
})

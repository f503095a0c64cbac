import { expect } from 'chai'
import { randomOf, seed } from '../crash/support/random.ts'
import { roundsOf } from '../support/sample.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { Mutator } from './support/mutations.ts'
import { prelink } from './support/prelinked.ts'
import { walkReference } from './support/reference.ts'

const generations = roundsOf(50, 12)
const allAreWalkedEvery = 10

const variants = [
  {
    title: 'of which the last three are kept, each one begun with links that were made in advance',
    maxSnapshots: 3,
    isPrelinked: true,
  },
  { title: 'of which all are kept', maxSnapshots: generations, isPrelinked: false },
]

for (const { title, maxSnapshots, isPrelinked } of variants) {
  describe(`Engine link over ${generations} generations of a tree that changes at random, ${title},`, function () {
    this.timeout(300_000)

    let store: InProcessStore

    beforeEach(() => {
      store = makeInProcessStore('link', maxSnapshots)
    })

    afterEach(() => store.remove())

    it(`makes what rsync --checksum makes, and changes no older snapshot (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
      const published = new Map<string, Tree>()
      const mutator = new Mutator(store.data, randomOf(title))
      mutator.grow()
      let done: string[] = []
      for (let generation = 0; generation < generations; generation += 1) {
        if (isPrelinked && generation > 0) await prelink(store.context)
        const { name, warnings } = await store.snapshot()
        const what = `seed ${seed}, generation ${generation}, after ${done.join(' ')}`
        expect(warnings, what).to.deep.equal([])
        const snapshot = walkTree(store.dataIn(name))
        expect(compareTrees(await walkReference(store.data), snapshot), what).to.deep.equal([])
        expect(compareTrees(walkTree(store.data), snapshot), what).to.deep.equal([])
        published.set(name, snapshot)
        for (const old of [...published.keys()].slice(0, -maxSnapshots)) published.delete(old)
        if (maxSnapshots < 10 || generation % allAreWalkedEvery === 9)
          expectUnchanged(published, what)
        done = mutator.mutate()
      }
      expectUnchanged(published, `seed ${seed}, at the end`)
      expect(published.size).to.equal(maxSnapshots)
    })

    function expectUnchanged(published: ReadonlyMap<string, Tree>, what: string): void {
      for (const [name, tree] of published) {
        const differences = compareTrees(tree, walkTree(store.dataIn(name)))
        expect(differences, `${name}, ${what}`).to.deep.equal([])
      }
    }
  })
}

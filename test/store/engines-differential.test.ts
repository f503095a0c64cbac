import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { randomOf, seed } from '../crash/support/random.ts'
import { howOften } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { Mutator, stillName } from './support/mutations.ts'
import { walkReference } from './support/reference.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

const generations = howOften(50, 20)
const allAreWalkedEvery = 10

const variants = [
  {
    title: 'of which the last three are kept, with the spare of a removed one from the fourth on',
    maxSnapshots: 3,
  },
  { title: 'of which all are kept', maxSnapshots: generations },
]

for (const { title, maxSnapshots } of variants) {
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
      // alone enough to be moved from a spare
      await shellIn(store.data, `mkdir -p ${stillName}/deep; cd ${stillName}; touch deep/{1..300}`)
      await untilAllIsOld(store.data)
      let done: string[] = []
      let spared = 0
      for (let generation = 0; generation < generations; generation += 1) {
        const spare = store.spareOf('data')
        const inode = spare === undefined ? -1 : lstatSync(join(spare, stillName)).ino
        const { name, warnings } = await store.snapshot()
        if (lstatSync(join(store.dataIn(name), stillName)).ino === inode) spared += 1
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
      expect(spared, 'with directories of a spare').to.be.at.least(
        maxSnapshots < 10 ? generations - maxSnapshots - 3 : 0,
      )
    })

    function expectUnchanged(published: ReadonlyMap<string, Tree>, what: string): void {
      for (const [name, tree] of published) {
        const differences = compareTrees(tree, walkTree(store.dataIn(name)))
        expect(differences, `${name}, ${what}`).to.deep.equal([])
      }
    }
  })
}

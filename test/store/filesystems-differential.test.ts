import { dirname } from 'node:path'
import { expect } from 'chai'
import { restore } from '../../src/actions/restore/restore.ts'
import { randomOf, seed } from '../crash/support/random.ts'
import {
  type MountedFurtherPlace,
  furtherPlaces,
  mountFurtherPlace,
} from '../support/filesystems.ts'
import { howOften, roundsOf, sample } from '../support/sample.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { Mutator } from './support/mutations.ts'
import { prelink } from './support/prelinked.ts'
import { differencesFromCopy, walkReference } from './support/reference.ts'

const generations = roundsOf(40, 6)
const kept = 4
const somePlaces = sample(furtherPlaces, howOften(furtherPlaces.length, 2), 'filesystems')

for (const place of somePlaces) {
  describe(`Of data ${place.title}, over ${generations} generations that change at random (engine link),`, function () {
    this.timeout(600_000)

    const isLimited = place.store.isLimited === true || place.data.isLimited === true
    let mounted: MountedFurtherPlace
    let store: InProcessStore

    before(async function () {
      mounted = await mountFurtherPlace(this, place)
    })

    beforeEach(() => {
      store = makeInProcessStore('link', kept, mounted.on, mounted.dataOn)
    })

    afterEach(() => store?.remove())
    after(() => mounted?.remove())

    it(`each snapshot and restore makes what rsync --checksum makes, and changes no older one (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
      const published = new Map<string, Tree>()
      const mutator = new Mutator(store.data, randomOf(place.title), isLimited)
      mutator.grow()
      await mounted.lower()
      let done: string[] = []
      let mutations = 0
      for (let generation = 0; generation < generations; generation += 1) {
        const what = `seed ${seed}, generation ${generation}, after ${done.join(' ')}`
        // else nothing is proven, and all is compared by content
        if (place.data.hasChangeTimes === true && generation % 2 === 0) {
          await untilAllIsOld(store.data)
        }
        if (place.data.hasChangeTimes === true && generation % 3 === 2) await prelink(store.context)
        const { name, warnings } = await store.snapshot()
        expect(warnings, what).to.deep.equal([])
        await expectCopied(name, what)
        published.set(name, walkTree(store.dataIn(name)))
        expectUnchanged(published, what)
        done = mutator.mutate()
        mutations += done.length
        if (generation % 3 !== 1) continue
        const wanted = mutator.pick(store.snapshotNames().slice(-kept)) ?? name
        await expectRestored(wanted, `${wanted} ${what}, then ${done.join(' ')}`)
        done = [`restore of ${wanted}`]
      }
      expect(mutations, 'mutations that could be done').to.be.above(generations)
    })

    const home = (): string => dirname(store.context.store.directory)

    async function expectCopied(name: string, what: string): Promise<void> {
      const differences = await differencesFromCopy(place, store.data, store.dataIn(name), home())
      expect(differences, what).to.deep.equal([])
    }

    async function expectRestored(wanted: string, what: string): Promise<void> {
      const before = await walkReference(store.data, home())
      const options = { undo: false, reference: wanted, volumes: [], readAll: false } as const
      const { safety } = await restore(store.context, options)
      await expectCopied(wanted, what)
      const differences = compareTrees(before, walkTree(store.dataIn(safety ?? '')))
      expect(differences, `safety of ${what}`).to.deep.equal([])
    }

    function expectUnchanged(trees: Map<string, Tree>, what: string): void {
      const names = new Set(store.snapshotNames())
      for (const [name, tree] of trees) {
        if (!names.has(name)) trees.delete(name)
        else {
          const differences = compareTrees(tree, walkTree(store.dataIn(name)))
          expect(differences, `${name}, ${what}`).to.deep.equal([])
        }
      }
    }
  })
}

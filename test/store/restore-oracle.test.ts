import { expect } from 'chai'
import { damageAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import { engines } from '../support/engines.ts'
import { type MountedPlace, mountPlace, places } from '../support/places.ts'
import { howOften, sample } from '../support/sample.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'

const all = places.flatMap((place) => engines.map((engine) => ({ place, engine })))

for (const { place, engine } of sample(all, howOften(all.length, 2), 'restores')) {
  describe(`A restore by engine ${engine} ${place.title}, after damage of every kind,`, () => {
    let mounted: MountedPlace
    let store: TestStore
    let snapshot: string
    let damaged: Tree

    before(async function () {
      mounted = await mountPlace(this, place)
    })

    beforeEach(async () => {
      store = await makeStore({ ...mounted, env: { SNAP_ENGINE: engine } })
      await growAwkwardTree(store.data)
      snapshot = await store.snapshot()
      await damageAwkwardTree(store.data)
      damaged = walkTree(store.data)
    })

    afterEach(() => store.remove())

    after(() => mounted?.remove())

    it('makes the data equal to the snapshot', async () => {
      const wanted = walkTree(store.dataIn(snapshot))
      const { exitCode } = await store.run(['restore', snapshot, '--yes'])
      expect(compareTrees(wanted, walkTree(store.data))).to.deep.equal([])
      expect(exitCode).to.equal(0)
    })

    it('is undone by --undo, to the damaged state exactly', async () => {
      await store.run(['restore', snapshot, '--yes'])
      const { exitCode } = await store.run(['restore', '--undo', '--yes'])
      expect(compareTrees(damaged, walkTree(store.data))).to.deep.equal([])
      expect(exitCode).to.equal(0)
    })
  })
}

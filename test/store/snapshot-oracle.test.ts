import { expect } from 'chai'
import { changeAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import { engines } from '../support/engines.ts'
import { type MountedPlace, mountPlace, places } from '../support/places.ts'
import { howOften, sample } from '../support/sample.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

const all = places.flatMap((place) => engines.map((engine) => ({ place, engine })))

for (const { place, engine } of sample(all, howOften(all.length, 2), 'snapshots')) {
  describe(`A snapshot by engine ${engine} ${place.title}`, () => {
    let mounted: MountedPlace
    let store: TestStore

    before(async function () {
      mounted = await mountPlace(this, place)
      store = await makeStore({ ...mounted, env: { SNAP_ENGINE: engine } })
      await growAwkwardTree(store.data)
    })

    after(async () => {
      await store?.remove()
      await mounted?.remove()
    })

    it('equals an awkward source in every name, byte and attribute', async () => {
      const source = walkTree(store.data)
      const name = await store.snapshot()
      expect(compareTrees(source, walkTree(store.dataIn(name)))).to.deep.equal([])
    })

    it('equals the source again after it changed in every way', async () => {
      await store.snapshot()
      await changeAwkwardTree(store.data)
      const source = walkTree(store.data)
      const name = await store.snapshot()
      expect(compareTrees(source, walkTree(store.dataIn(name)))).to.deep.equal([])
    })

    it('leaves the source as it was', async () => {
      const source = walkTree(store.data)
      await store.snapshot()
      expect(compareTrees(source, walkTree(store.data))).to.deep.equal([])
    })
  })
}

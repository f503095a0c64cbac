import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { changeAwkwardTree, damageAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import { engines } from '../support/engines.ts'
import {
  type MountedFurtherPlace,
  furtherPlaces,
  mountFurtherPlace,
} from '../support/filesystems.ts'
import { howOften, sample } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, configure, makeUnconfiguredStore } from '../support/test-store.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { differencesFromCopy } from './support/reference.ts'

/**
 * What has to be there of the tree, of its changes and of its damage where the filesystem can hold
 * the least.
 */
const leastEntries = 120
const leastChanges = 30

const all = furtherPlaces.flatMap((place) => engines.map((engine) => ({ place, engine })))

for (const { place, engine } of sample(all, howOften(all.length, 2), 'filesystems')) {
  describe(`Of data ${place.title}, with engine ${engine},`, function () {
    this.timeout(120_000)

    const asFarAsCan = place.store.isLimited === true || place.data.isLimited === true
    let mounted: MountedFurtherPlace
    let store: TestStore

    before(async function () {
      mounted = await mountFurtherPlace(this, place)
    })

    beforeEach(async () => {
      store = await makeUnconfiguredStore({ ...mounted, env: { SNAP_ENGINE: engine } })
      await configure(store)
      const { hiddenOwner } = place.data
      await growAwkwardTree(store.data, { asFarAsCan, ...(hiddenOwner && { hiddenOwner }) })
      await shellIn(store.data, place.data.withoutUnfit ?? '')
      await mounted.lower()
    })

    afterEach(() => store?.remove())
    after(() => mounted?.remove())

    async function expectEqual(live: string, stored: string): Promise<void> {
      const all = await differencesFromCopy(place, live, stored, dirname(store.directory))
      // with --checksum rsync copies a file of which only the time differs from the base, and fills
      // its holes (generator.c)
      const hasHoles = engine !== 'rsync' && place.data.looksDense !== true
      const differences = all.filter((line) => hasHoles || !line.includes(': data is '))
      expect(differences).to.deep.equal([])
    }

    it('a snapshot equals the awkward source and what rsync makes of it, and again after it changed', async () => {
      const source = walkTree(store.data)
      expect(source.size, 'entries').to.be.at.least(leastEntries)
      await expectEqual(store.data, store.dataIn(await store.snapshot()))
      // rsync itself goes by size and time
      if (engine === 'rsync' && place.data.hasCoarseTimes === true) await sleep(1100)
      await changeAwkwardTree(store.data, { asFarAsCan })
      expectChanged(source, walkTree(store.data))
      await expectEqual(store.data, store.dataIn(await store.snapshot()))
    })

    it('a restore makes them equal to the snapshot, and is undone', async () => {
      if (place.data.followsLinks === true) {
        await shellIn(store.data, 'find . -type l -delete')
      }
      const snapshot = await store.snapshot()
      const source = walkTree(store.data)
      await damageAwkwardTree(store.data, { asFarAsCan })
      expectChanged(source, walkTree(store.data))
      const ways = [
        [[snapshot], snapshot],
        [['--undo'], undefined],
      ] as const
      // of what was damaged, links are to come back
      for (const [words, wanted] of place.data.followsLinks === true ? ways.slice(0, 1) : ways) {
        const { exitCode, stderr } = await store.run(['restore', ...words, '--yes'])
        expect(exitCode, stderr).to.equal(0)
        // the safety snapshot of the damaged data comes right after it
        const names = store.snapshotNames()
        const name = wanted ?? names[names.indexOf(snapshot) + 1] ?? ''
        await expectEqual(store.data, store.dataIn(name))
      }
    })
  })
}

function expectChanged(before: Tree, after: Tree): void {
  expect(compareTrees(before, after).length, 'changes').to.be.at.least(leastChanges)
}

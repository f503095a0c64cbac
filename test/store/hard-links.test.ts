import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { changeAwkwardTree, damageAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import { engines } from '../support/engines.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

const changes = {
  'its content': 'echo other > hello.txt',
  'its content, in place': 'printf J | dd of=hello.txt conv=notrunc status=none',
  'its mode': 'chmod 640 hello.txt',
  'its owner': 'chown 12:34 hello.txt',
  'an extended attribute': 'setfattr -n user.colour -v red hello.txt',
  'its ACL': 'setfacl -m u:1234:r hello.txt',
  'its time, by a nanosecond': `touch -d '2020-01-01T00:00:00.000000002Z' hello.txt`,
}

for (const engine of engines) {
  describe(`Hard links between snapshots (engine ${engine})`, () => {
    const store = useStore({ env: { SNAP_ENGINE: engine } })

    beforeEach(async () => {
      await shellIn(store.data, `touch -d '2020-01-01T00:00:00.000000001Z' hello.txt`)
    })

    const inodeIn = (name: string): bigint =>
      lstatSync(join(store.dataIn(name), 'hello.txt'), { bigint: true }).ino

    it('give an unchanged file one inode over all snapshots', async () => {
      const names = [await store.snapshot(), await store.snapshot(), await store.snapshot()]
      expect(new Set(names.map(inodeIn)).size).to.equal(1)
    })

    it('never give a snapshot an inode of the live data', async () => {
      const name = await store.snapshot()
      const live = lstatSync(join(store.data, 'hello.txt'), { bigint: true }).ino
      expect(inodeIn(name)).to.not.equal(live)
    })

    for (const [what, script] of Object.entries(changes)) {
      it(`leave the older snapshot alone when a file changed ${what}`, async () => {
        const older = await store.snapshot()
        const before = walkTree(store.dataIn(older))
        await shellIn(store.data, script)
        const newer = await store.snapshot()
        expect(compareTrees(before, walkTree(store.dataIn(older)))).to.deep.equal([])
        expect(inodeIn(newer)).to.not.equal(inodeIn(older))
      })
    }

    it('leave all of an older snapshot alone, whatever changes in an awkward tree', async () => {
      await growAwkwardTree(store.data)
      const older = await store.snapshot()
      const before = walkTree(store.dataIn(older))
      await changeAwkwardTree(store.data)
      await store.snapshot()
      expect(compareTrees(before, walkTree(store.dataIn(older)))).to.deep.equal([])
    })

    it('leave a snapshot alone when it is restored over damaged data', async () => {
      await growAwkwardTree(store.data)
      const name = await store.snapshot()
      const before = walkTree(store.dataIn(name))
      await damageAwkwardTree(store.data)
      await store.run(['restore', name, '--yes'])
      expect(compareTrees(before, walkTree(store.dataIn(name)))).to.deep.equal([])
    })
  })
}

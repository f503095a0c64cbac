import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { startDaemon } from '../support/cli.ts'
import { engines } from '../support/engines.ts'
import { shellIn } from '../support/shell.ts'
import { makeStore, useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

/** Other bytes, the same size, the same time: what only reading the content shows. */
const forge = `
cp -a hello.txt ../reference
printf JELLO | dd of=hello.txt conv=notrunc status=none
touch -r ../reference hello.txt`

for (const engine of engines) {
  describe(`The first snapshot after a restore of a file whose damage kept its size and time (engine ${engine})`, () => {
    const store = useStore({ env: { SNAP_ENGINE: engine } })

    beforeEach(async () => {
      await store.snapshot()
      await shellIn(store.data, forge)
      await store.run(['restore', 'latest', '--yes'])
    })

    it('holds the file as it was restored, not the damaged one of the safety snapshot', async () => {
      const source = walkTree(store.data)
      const name = await store.snapshot()
      expect(compareTrees(source, walkTree(store.dataIn(name)))).to.deep.equal([])
    })

    it('holds the damaged one after that restore is undone', async () => {
      await store.run(['restore', '--undo', '--yes'])
      const source = walkTree(store.data)
      const name = await store.snapshot()
      expect(compareTrees(source, walkTree(store.dataIn(name)))).to.deep.equal([])
    })
  })

  describe('The first snapshot after restores of two volumes, one after the other', () => {
    it('holds both as they were restored', async () => {
      const store = await makeStore({ env: { SNAP_ENGINE: engine } })
      try {
        const other = `${store.data}.other`
        await mkdir(other)
        await writeFile(join(other, 'file'), 'other\n')
        await (await startDaemon([store.spec, `other:${other}`], { env: store.env })).stop()
        const first = await store.snapshot()
        await shellIn(store.data, forge)
        await store.run(['restore', first, '--volume', 'data', '--yes'])
        await store.run(['restore', first, '--volume', 'other', '--yes'])
        const source = walkTree(store.data)
        const name = await store.snapshot()
        expect(compareTrees(source, walkTree(store.dataIn(name)))).to.deep.equal([])
      } finally {
        await store.remove()
      }
    })
  })
}

import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { engines } from '../support/engines.ts'
import { type Mounted, bindMount, mountTmpfs } from '../support/mounts.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

/** As Docker does for `-v .../app.conf:/data/conf/app.conf`. */
const tree = 'mkdir conf; echo below > conf/app.conf; echo one > conf/other; echo one > file'

for (const engine of engines) {
  for (const place of ['this', 'another'] as const) {
    describe(`A file of ${place} filesystem mounted on a file inside the data (engine ${engine})`, () => {
      let store: TestStore
      let outside: string
      const mounts: Mounted[] = []

      beforeEach(async () => {
        store = await makeStore({ env: { SNAP_ENGINE: engine } })
        outside = `${store.data}.outside`
        if (place === 'this') await mkdir(outside)
        else {
          const filesystem = await mountTmpfs('size=1m')
          mounts.push(filesystem)
          outside = filesystem.path
        }
        await writeFile(join(outside, 'app.conf'), 'mounted\n')
        await shellIn(store.data, tree)
      })

      afterEach(async () => {
        for (const mount of mounts.splice(0).toReversed()) await mount.remove()
        await store.remove()
      })

      const mountFile = async (): Promise<void> => {
        mounts.push(await bindMount(join(outside, 'app.conf'), join(store.data, 'conf/app.conf')))
      }

      it('is in the snapshot as the file that is seen, also in the next and after a change', async () => {
        await store.snapshot()
        await mountFile()
        for (const content of ['mounted\n', 'mounted\n', 'changed\n']) {
          await writeFile(join(outside, 'app.conf'), content)
          const name = await store.snapshot()
          expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
        }
      })

      it('is left as it is by a restore, which says so, and all else is restored', async () => {
        const name = await store.snapshot()
        await mountFile()
        await shellIn(store.data, 'echo two > file; echo two > conf/other; echo x > conf/extra')
        const { exitCode, stderr } = await store.run(['restore', name, '--yes'])
        expect(stderr).to.match(
          /^warning: data: \S+conf\/app\.conf is mounted inside .*left as it/m,
        )
        expect(exitCode, stderr).to.equal(0)
        expect(readFileSync(join(outside, 'app.conf'), 'utf8')).to.equal('mounted\n')
        expect(await shellIn(store.data, 'cat file conf/other; ls conf')).to.equal(
          'one\none\napp.conf\nother',
        )
      })

      it('is left as it is where the snapshot does not have it, and so is its directory', async () => {
        await shellIn(store.data, 'mv conf ..')
        const name = await store.snapshot()
        await shellIn(store.data, 'mv ../conf .')
        await mountFile()
        const { exitCode, stderr } = await store.run(['restore', name, '--yes'])
        expect(stderr).to.match(/^warning: data: \S+conf\/app\.conf is mounted inside/m)
        expect(exitCode, stderr).to.equal(0)
        expect(readFileSync(join(outside, 'app.conf'), 'utf8')).to.equal('mounted\n')
        expect(await shellIn(store.data, 'ls conf')).to.equal('app.conf')
      })

      it('is told of by a dry run, which does not plan to change it', async () => {
        const name = await store.snapshot()
        await mountFile()
        const { stdout, stderr, exitCode } = await store.run(['restore', name, '--dry-run'])
        expect(exitCode, stderr).to.equal(0)
        expect(stdout).to.match(/^ +0 to create, 0 to change, 0 of other attributes, 0 to delete/m)
        expect(stdout).to.match(/^ +left alone, .*: \S+conf\/app\.conf$/m)
      })
    })
  }
}

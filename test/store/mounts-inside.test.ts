import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Mounted, bindMount } from '../support/mounts.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('A directory of the same filesystem mounted inside the data', () => {
  let store: TestStore
  let uploads: string
  let mounted: Mounted

  beforeEach(async () => {
    store = await makeStore()
    uploads = `${store.data}.uploads`
    await mkdir(uploads)
    await mkdir(join(store.data, 'in'))
    await shellIn(uploads, 'echo photo > photo; ln photo ../second-name; echo a > a; ln a b')
  })

  afterEach(async () => {
    await mounted.remove()
    await store.remove()
  })

  for (const engine of ['link', 'rsync']) {
    const restore = async () =>
      store.run(['restore', 'latest', '--yes'], { env: { ...store.env, SNAP_ENGINE: engine } })

    it(`is left as it is by a restore, names of linked files too (${engine})`, async () => {
      mounted = await bindMount(uploads, join(store.data, 'in'))
      await shellIn(store.data, 'echo one > file; ln file file2')
      await store.snapshot()
      await shellIn(store.data, 'echo two > file; echo later > in/later; rm in/b')
      const before = walkTree(uploads)
      const { exitCode, stderr } = await restore()
      expect(exitCode, stderr).to.equal(0)
      expect(stderr).to.include('is left as it is')
      expect(compareTrees(before, walkTree(uploads))).to.deep.equal([])
    })

    it(`is left as it is where the snapshot does not have the directory (${engine})`, async () => {
      await shellIn(store.data, 'rmdir in; echo one > file')
      await store.snapshot()
      await shellIn(store.data, 'mkdir -p in/deep; echo two > file')
      mounted = await bindMount(uploads, join(store.data, 'in/deep'))
      const before = walkTree(uploads)
      await restore()
      expect(compareTrees(before, walkTree(uploads))).to.deep.equal([])
    })
  }

  it('keeps a directory that is in the place of a name of a file, and the restore says so', async () => {
    await shellIn(store.data, 'echo one > file; ln file other')
    await store.snapshot()
    await shellIn(store.data, 'rm other; mkdir -p other/deep')
    mounted = await bindMount(uploads, join(store.data, 'other/deep'))
    const before = walkTree(uploads)
    const { exitCode, stderr } = await store.run(['restore', 'latest', '--yes'])
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/other cannot be replaced: .* unmount it/)
    expect(compareTrees(before, walkTree(uploads))).to.deep.equal([])
  })

  it('is refused when its name is no UTF-8, because rsync could not be told to leave it', async () => {
    await store.snapshot()
    await shellIn(store.data, `mkdir "$(printf 'odd\\377')"; mount --bind ${uploads} odd*`)
    mounted = {
      path: '',
      remount: () => Promise.resolve(),
      remove: () => shellIn(store.data, 'umount odd*').then(() => undefined),
    }
    const finished = await store.run(['restore', 'latest', '--yes'])
    expectRefusal(finished, 1, /no UTF-8: unmount it/)
    expect(walkTree(uploads).size).to.be.greaterThan(3)
  })
})

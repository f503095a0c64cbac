import { join } from 'node:path'
import { expect } from 'chai'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

const mebi = 1024 * 1024

for (const type of ['xfs', 'btrfs'] as const) {
  describe(`A file of 64 MB in which one block changed, on ${type}`, function () {
    this.timeout(120_000)

    let filesystem: LoopFilesystem
    let store: TestStore
    let first: string

    before(async function () {
      filesystem = await loopOrSkip(this, type, { sizeMiB: 512 })
      store = await makeStore({ on: filesystem.path, env: { SNAP_ENGINE: 'link' } })
      await shellIn(
        store.data,
        `
        head -c 64M /dev/urandom > large; chmod 640 large; chown 12:34 large
        setfacl -m u:1234:r large; setfattr -n user.colour -v red large
        mkdir inherits; setfacl -m d:u:99:rwx inherits; head -c 100K /dev/urandom > inherits/file; setfacl -b inherits/file`,
      )
      first = await store.snapshot()
    })

    after(async () => {
      await store?.remove()
      await filesystem?.remove()
    })

    /** Bytes in use, all of them on the disk. */
    const used = async (): Promise<number> => {
      const out = await shellIn(filesystem.path, 'sync -f .; stat -f -c "%S %b %f" .')
      const [size = 0, all = 0, free = 0] = out.split(' ').map(Number)
      return size * (all - free)
    }

    const changeBlock = () =>
      shellIn(
        store.data,
        'head -c 4096 /dev/urandom | dd of=large bs=4096 seek=1000 conv=notrunc status=none',
      )

    async function expectCheap(act: () => Promise<unknown>): Promise<void> {
      const before = await used()
      await act()
      expect(await used()).to.be.below(before + 8 * mebi)
    }

    it('costs little in a snapshot, which is right', async () => {
      await changeBlock()
      await expectCheap(() => store.snapshot())
      const newest = store.snapshotNames().at(-1) ?? ''
      expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(newest)))).to.deep.equal([])
    })

    it('is said to share contents in the record, and in what show says of it', async () => {
      const newest = store.snapshotNames().at(-1) ?? ''
      const { stdout } = await store.run(['show', newest])
      expect(stdout).to.include('engine link with reflinks')
      const json = (await store.run(['show', newest, '--json'])).stdout
      expect(JSON.parse(json)).to.have.nested.property('volumes[0].reflink', true)
    })

    it('is a file of its own there: writing on into the data changes no snapshot', async () => {
      const newest = store.snapshotNames().at(-1) ?? ''
      const before = walkTree(store.dataIn(newest))
      await changeBlock()
      await shellIn(store.data, 'sync -f .')
      expect(compareTrees(before, walkTree(store.dataIn(newest)))).to.deep.equal([])
    })

    it('costs little in a restore, which is right', async () => {
      const wanted = walkTree(store.dataIn(first))
      await expectCheap(() => store.run(['restore', first, '--yes']))
      expect(compareTrees(wanted, walkTree(store.data))).to.deep.equal([])
      expect(compareTrees(wanted, walkTree(store.dataIn(first))), 'the snapshot').to.deep.equal([])
    })

    it('leaves no name of its own behind', async () => {
      expect(await shellIn(join(store.data, '..'), 'find . -name ".snap-volume.*"')).to.equal('')
    })
  })
}

describe('A large file that changed, where nothing can share contents', function () {
  this.timeout(120_000)

  let filesystem: LoopFilesystem
  let store: TestStore

  before(async function () {
    filesystem = await loopOrSkip(this, 'ext4')
    store = await makeStore({ on: filesystem.path, env: { SNAP_ENGINE: 'link' } })
    await shellIn(store.data, 'head -c 4M /dev/urandom > large')
    await store.snapshot()
  })

  after(async () => {
    await store?.remove()
    await filesystem?.remove()
  })

  for (const others of ['', 'echo small > small; ']) {
    it(`is copied${others === '' ? '' : ', beside a small one'}, and the record says so`, async () => {
      await shellIn(store.data, `${others}head -c 4M /dev/urandom > large`)
      await store.snapshot()
      const newest = store.snapshotNames().at(-1) ?? ''
      expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(newest)))).to.deep.equal([])
      const json = (await store.run(['show', newest, '--json'])).stdout
      expect(JSON.parse(json)).to.have.nested.property('volumes[0].reflink', false)
    })
  }
})

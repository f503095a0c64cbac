import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Context } from 'mocha'
import { mountTmpfs } from '../support/mounts.ts'
import { loopOrSkip } from '../support/places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

const tooManyBytes = (data: string): Promise<string> =>
  shellIn(data, 'mkdir too-much; head -c 40M /dev/zero | tr "\\0" x | split -b 256K - too-much/')
const tooManyFiles = (data: string): Promise<string> =>
  shellIn(data, 'mkdir too-much; cd too-much; touch $(seq 500)')

const stores = [
  {
    title: 'tmpfs without space',
    mount: () => mountTmpfs('size=8m'),
    fill: tooManyBytes,
    says: /the store \S+ is full \((0 B|\d+ kB) are left\): /,
  },
  {
    title: 'tmpfs without inodes',
    mount: () => mountTmpfs('size=80m,nr_inodes=200'),
    fill: tooManyFiles,
    says: /the store \S+ is full \(no inode is left\): /,
  },
  {
    title: 'ext4 without space',
    mount: (context: Context) => loopOrSkip(context, 'ext4', { sizeMiB: 24 }),
    fill: tooManyBytes,
    says: /the store \S+ is full \((0 B|\d+ kB) are left\): /,
  },
  {
    title: 'ext4 without inodes',
    mount: (context: Context) => loopOrSkip(context, 'ext4', { sizeMiB: 24, inodes: 128 }),
    fill: tooManyFiles,
    says: /the store \S+ is full \(no inode is left\): /,
  },
]

for (const { title, mount, fill, says } of stores) {
  describe(`A store on ${title}`, () => {
    let filesystem: Awaited<ReturnType<typeof mount>>
    let store: TestStore

    beforeEach(async function () {
      filesystem = await mount(this)
      store = await makeStore({ on: filesystem.path, dataOn: '/var/tmp' })
      await store.snapshot()
      await fill(store.data)
    })

    afterEach(async () => {
      await store?.remove()
      await filesystem?.remove()
    })

    it('refuses the snapshot in one line that says what is full', async () => {
      expectRefusal(await store.run(['snapshot']), 1, says)
    })

    it('publishes nothing and keeps the good ones', async () => {
      const before = store.published()
      await store.run(['snapshot'])
      expect(compareTrees(before, store.published())).to.deep.equal([])
      expect([...store.leftIn('staging'), ...store.leftIn('trash')]).to.deep.equal([])
    })

    it('takes the next snapshot once there is room again', async () => {
      await store.run(['snapshot'])
      await rm(join(store.data, 'too-much'), { recursive: true })
      const name = await store.snapshot()
      expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
    })
  })
}

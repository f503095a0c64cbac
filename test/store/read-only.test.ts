import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Mounted, bindMount, mountTmpfs } from '../support/mounts.ts'
import { expectRefusal } from '../support/refusal.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('A store that is mounted read-only', () => {
  let filesystem: Mounted
  let store: TestStore

  before(async () => {
    filesystem = await mountTmpfs('size=32m')
    store = await makeStore({ on: filesystem.path, dataOn: '/var/tmp' })
    await store.snapshot()
    await store.snapshot()
    await filesystem.remount('ro')
  })

  after(async () => {
    await filesystem?.remount('rw')
    await store?.remove()
    await filesystem?.remove()
  })

  const changing = [['snapshot'], ['restore', 'latest', '--yes'], ['prune']]
  for (const words of changing) {
    it(`refuses ${words[0]} in one line`, async () => {
      expectRefusal(await store.run(words), 1, /read-only.* mount it read-write/)
    })
  }

  it('refuses start in one line', async () => {
    const finished = await store.run(['start', store.spec])
    expectRefusal(finished, 1, /read-write/)
  })

  for (const words of [
    ['show', '-a'],
    ['show', 'latest'],
    ['prune', '--dry-run'],
  ]) {
    it(`answers ${words.join(' ')}`, async () => {
      const { exitCode, stdout } = await store.run(words)
      expect(stdout).to.include('@GMT-')
      expect(exitCode).to.equal(0)
    })
  }
})

describe('Data that are mounted read-only', () => {
  let store: TestStore
  let mount: Mounted

  beforeEach(async () => {
    store = await makeStore()
    await store.snapshot()
    await writeFile(join(store.data, 'added.txt'), 'a restore would delete this\n')
    mount = await bindMount(store.data, store.data, 'ro')
  })

  afterEach(async () => {
    await mount?.remove()
    await store?.remove()
  })

  it('are snapshotted', async () => {
    const name = await store.snapshot()
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
  })

  it('are not restored, and no safety snapshot is taken for it', async () => {
    const data = walkTree(store.data)
    const published = store.published()
    const finished = await store.run(['restore', 'latest', '--yes'])
    expectRefusal(finished, 1, /volume data cannot be restored: \S+ is mounted read-only; mount/)
    expect(compareTrees(data, walkTree(store.data))).to.deep.equal([])
    expect(compareTrees(published, store.published())).to.deep.equal([])
  })
})

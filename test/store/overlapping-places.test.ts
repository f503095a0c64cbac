import { existsSync } from 'node:fs'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { bindMount } from '../support/mounts.ts'
import { expectRefusal } from '../support/refusal.ts'
import { type TestStore, configure, makeUnconfiguredStore } from '../support/test-store.ts'

describe('A store and data that contain one another are refused', () => {
  let store: TestStore
  let elsewhere: string

  beforeEach(async () => {
    store = await makeUnconfiguredStore()
    elsewhere = `${store.data}.elsewhere`
    await mkdir(elsewhere)
  })

  afterEach(() => store.remove())

  async function expectStartRefused(storeDirectory: string, data: string): Promise<void> {
    const env = { SNAP_DIR: storeDirectory }
    const finished = await store.run(['start', `data:${data}`], { env })
    expectRefusal(finished, 2, /overlap on the disk: keep them in directories apart/)
    expect(existsSync(join(storeDirectory, '.snap-volume')), 'a store').to.equal(false)
  }

  it('when the store is inside the data', () =>
    expectStartRefused(join(store.data, 'store'), store.data))

  it('when the data are inside the store', () =>
    expectStartRefused(join(store.data, '..'), store.data))

  it('when they are the same directory', () => expectStartRefused(store.data, store.data))

  it('when a bind mount hides that the store is inside the data', async () => {
    const inside = join(store.data, 'inside')
    await mkdir(inside)
    const mount = await bindMount(inside, elsewhere)
    try {
      await expectStartRefused(elsewhere, store.data)
    } finally {
      await mount.remove()
    }
  })

  it('when a bind mount hides that the data are inside the store', async () => {
    const mount = await bindMount(join(store.data, '..'), elsewhere)
    try {
      await expectStartRefused(elsewhere, store.data)
    } finally {
      await mount.remove()
    }
  })

  it('when a symbolic link in its path leads the store into the data', async () => {
    const link = `${store.data}.link`
    await symlink(store.data, link)
    const env = { SNAP_DIR: join(link, 'store') }
    const finished = await store.run(['start', store.spec], { env })
    expectRefusal(finished, 1, /is reached through a symbolic link: set SNAP_DIR to \S+/)
    expect(existsSync(join(store.data, 'store')), 'a store').to.equal(false)
  })

  it('when a bind mount inside the data is the store', async () => {
    await configure(store)
    const inside = join(store.data, 'inside')
    await mkdir(inside)
    const mount = await bindMount(store.directory, inside)
    try {
      expectRefusal(await store.run(['snapshot']), 2, /the store .*data/)
      expect(store.snapshotNames()).to.deep.equal([])
    } finally {
      await mount.remove()
    }
  })
})

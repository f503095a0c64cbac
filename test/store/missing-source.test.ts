import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Mounted, bindMount } from '../support/mounts.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, configure, makeStore, useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('A source that is empty where the snapshot before had only links', () => {
  it('is refused, until that is said to be right', async () => {
    const store = await makeStore()
    try {
      await shellIn(store.data, 'rm hello.txt; for i in $(seq 150); do ln -s nowhere $i; done')
      await store.snapshot()
      await shellIn(store.data, 'rm ./*')
      const refusal = /volume data is not snapshotted: .* is empty, and @GMT-.*--allow-empty/
      expectRefusal(await store.run(['snapshot']), 1, refusal)
      expect(store.snapshotNames()).to.have.length(1)
      await store.snapshot('--allow-empty')
    } finally {
      await store.remove()
    }
  })
})

describe('A source that is empty where the snapshot before had files', () => {
  const store = useStore()

  beforeEach(async () => {
    await store.snapshot()
    await rm(join(store.data, 'hello.txt'))
  })

  it('is refused, and nothing is published or pruned', async () => {
    const before = store.published()
    const finished = await store.run(['snapshot'], { env: { SNAP_MAX: '1' } })
    expectRefusal(finished, 1, /volume data is not snapshotted: .*has no files.*--allow-empty/)
    expect(compareTrees(before, store.published())).to.deep.equal([])
  })

  it('is refused by the schedule too', async () => {
    const daemon = await store.startDaemon({ env: { SNAP_ON_START: 'true' } })
    try {
      await daemon.line(/error no snapshot was taken: volume data is not snapshotted/)
    } finally {
      await daemon.stop()
    }
    expect(store.snapshotNames()).to.have.length(1)
  })

  it('is taken with --allow-empty', async () => {
    const name = await store.snapshot('--allow-empty')
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
  })

  it('can be restored over', async () => {
    await store.run(['restore', 'latest', '--yes'])
    const wanted = walkTree(store.dataIn(store.snapshotNames()[0] ?? ''))
    expect(compareTrees(wanted, walkTree(store.data))).to.deep.equal([])
  })
})

describe('A source that was a mount point and is none any more', () => {
  let store: TestStore
  let mount: Mounted | undefined

  beforeEach(async () => {
    store = await makeStore()
    const volume = `${store.data}.volume`
    await rename(store.data, volume)
    await mkdir(store.data)
    await writeFile(join(store.data, 'below-the-mount.txt'), 'not the data\n')
    mount = await bindMount(volume, store.data)
    await configure(store)
    await store.snapshot()
  })

  afterEach(async () => {
    await mount?.remove()
    await store.remove()
  })

  it('is refused although there are files below it', async () => {
    await mount?.remove()
    mount = undefined
    const before = store.published()
    expectRefusal(await store.run(['snapshot']), 1, /is no mount point now.*--allow-empty/)
    expect(compareTrees(before, store.published())).to.deep.equal([])
  })
})

describe('A source that is gone', () => {
  const store = useStore()

  beforeEach(async () => {
    await store.snapshot()
    await rm(store.data, { recursive: true })
  })

  it('is refused, and the good ones are kept', async () => {
    const before = store.published()
    expectRefusal(await store.run(['snapshot']), 1, /there is no directory \S+: mount the volume/)
    expect(compareTrees(before, store.published())).to.deep.equal([])
  })
})

import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { findModel } from '../../src/actions/store/prelink.ts'
import { storeLayout } from '../../src/store/layout.ts'
import { prelinkedTree } from './support/prelinked.ts'
import type { Daemon } from '../support/cli.ts'
import { mountTmpfs } from '../support/mounts.ts'
import { type MountedPlace, mountPlace, places } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore, onlyPrelinks, useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

const env = { SNAP_ENGINE: 'link' }

const tree = `
mkdir -p d/many still/deep; echo one > d/one; (cd still/deep; seq 50 | xargs touch; ln -s nowhere link; mkfifo pipe)
find . -exec touch -h -d '2020-01-01T00:00:00.000000001Z' {} +`

describe('Once the newest snapshot is linked in advance', () => {
  const store = useStore({ env })

  beforeEach(async () => {
    await shellIn(store.data, tree)
    await untilAllIsOld(store.data)
    await store.snapshot()
    await store.prelink()
  })

  const isAnyLeft = (): boolean => readdirSync(storeLayout(store.directory).prelinked).length > 0

  async function expectRightSnapshot(): Promise<void> {
    const name = await store.snapshot()
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
    expect([...store.leftIn('staging'), ...store.leftIn('trash')]).to.deep.equal([])
    expect(isAnyLeft()).to.equal(false)
  }

  it('the next one is that tree, by a command too', async () => {
    const inode = inodeIn(prelinkedTree(store.directory), '.')
    await expectRightSnapshot()
    expect(inodeIn(store.dataIn(store.snapshotNames().at(-1) ?? ''), '.')).to.equal(inode)
  })

  it('a directory on which another filesystem is mounted is empty in the next one', async () => {
    await shellIn(store.data, 'mount -t tmpfs tmpfs still/deep; touch still/deep/of-the-mount')
    try {
      const name = await store.snapshot()
      const deep = join(store.dataIn(name), 'still/deep')
      expect(readdirSync(deep)).to.deep.equal([])
      expect(lstatSync(deep).mode & 0o7777).to.equal(0o755)
    } finally {
      await shellIn(store.data, 'umount still/deep')
    }
    await expectRightSnapshot()
  })

  it('a directory on which another of the same filesystem is mounted is as that one', async () => {
    await shellIn(store.data, 'mount --bind d still/deep')
    try {
      await expectRightSnapshot()
    } finally {
      await shellIn(store.data, 'umount still/deep')
    }
    await expectRightSnapshot()
  })

  it('another start discards the links', async () => {
    const inode = inodeIn(prelinkedTree(store.directory), '.')
    await store.prelink()
    expect(inodeIn(prelinkedTree(store.directory), '.')).to.not.equal(inode)
    await expectRightSnapshot()
  })

  it('what version 0.1 made in advance is discarded by a start', async () => {
    const own = join(store.directory, '.snap-volume')
    await shellIn(own, 'mkdir -p spare/GMT-2020.01.01-00.00.00/data spare.new; touch spare.lock')
    await store.prelink()
    expect(['spare', 'spare.new'].filter((name) => existsSync(join(own, name)))).to.deep.equal([])
    await expectRightSnapshot()
  })
})

describe('A small store', () => {
  it('that gets full gives the space of the links back', async () => {
    const small = await mountTmpfs('size=8m')
    const full = await makeStore({ on: small.path, dataOn: '/var/tmp', env })
    try {
      await full.snapshot()
      await full.prelink()
      const { prelinked } = storeLayout(full.directory)
      expect(readdirSync(prelinked)).to.have.length(1)
      await shellIn(full.data, 'head -c 20M /dev/urandom > large')
      const { exitCode, stderr } = await full.run(['snapshot'])
      expect([exitCode, readdirSync(prelinked), full.leftIn('trash')]).to.deep.equal([1, [], []])
      expect(stderr).to.include('is full')
    } finally {
      await full.remove()
      await small.remove()
    }
  })

  it('is not linked in advance where others need what room is left', async () => {
    const small = await mountTmpfs('size=20m')
    const tight = await makeStore({ on: small.path, dataOn: '/var/tmp', env })
    try {
      await tight.snapshot()
      const layout = storeLayout(tight.directory)
      expect(findModel(layout, new Date())).to.have.property('name', tight.snapshotNames()[0])
      await shellIn(small.path, 'head -c 18M /dev/zero > large')
      expect(findModel(layout, new Date())).to.equal(undefined)
    } finally {
      await tight.remove()
      await small.remove()
    }
  })
})

for (const place of places) {
  describe(`With a daemon beside it, ${place.title},`, function () {
    this.timeout(60_000)

    let mounted: MountedPlace
    let store: TestStore
    let daemon: Daemon | undefined

    before(async function () {
      mounted = await mountPlace(this, place)
    })

    beforeEach(async () => {
      store = await makeStore({ ...mounted, env })
      await shellIn(store.data, tree)
      await untilAllIsOld(store.data)
    })

    afterEach(async () => {
      await daemon?.stop()
      await store?.remove()
    })

    after(async () => mounted?.remove())

    it('a snapshot finds the one before linked, whoever takes it, and all times are right', async () => {
      await store.snapshot()
      daemon = await store.startDaemon({ env: onlyPrelinks })
      const client = { SNAP_HOST: `unix://${storeLayout(store.directory).socket}` }
      const runs: [change: string, env: Record<string, string>][] = [
        ['echo changed > d/one', client],
        ['touch -d 1969-12-31 still', client],
        ['true', client],
        // last, because a daemon that took none itself links at its next heartbeat
        ['echo again > d/one', {}],
      ]
      for (const [change, env] of runs) {
        await shellIn(store.data, change)
        const newest = store.snapshotNames().at(-1) ?? ''
        await daemon.line(new RegExp(`a copy of ${newest} ready`))
        const inode = inodeIn(prelinkedTree(store.directory), 'still')
        const { exitCode, stderr } = await store.run(['snapshot'], { env })
        expect(exitCode, stderr).to.equal(0)
        const taken = store.dataIn(store.snapshotNames().at(-1) ?? '')
        expect(compareTrees(walkTree(store.data), walkTree(taken)), change).to.deep.equal([])
        expect(inodeIn(taken, 'still')).to.equal(inode)
      }
    })
  })
}

function inodeIn(root: string, path: string): number {
  return lstatSync(join(root, path)).ino
}

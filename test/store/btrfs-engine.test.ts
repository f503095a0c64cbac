import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { changeAwkwardTree, damageAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { asInDocker } from './support/as-in-docker.ts'
import { deleteSubvolumes } from './support/delete-subvolumes.ts'
import { describeSample } from '../support/sample.ts'

const rights = [
  { title: 'as root', through: [] },
  { title: 'with the capabilities that Docker gives by default', through: asInDocker },
]

describeSample({ tests: 8 }, 'On a btrfs subvolume', () => {
  let filesystem: LoopFilesystem
  let store: TestStore

  before(async function () {
    filesystem = await loopOrSkip(this, 'btrfs', { sizeMiB: 512 })
  })

  beforeEach(async () => {
    store = await makeStore({ on: filesystem.path, env: { SNAP_ENGINE: 'btrfs' } })
    await becomeSubvolume(store.data)
  })

  afterEach(async () => {
    await deleteSubvolumes(filesystem.path)
    await store?.remove()
  })

  after(() => filesystem?.remove())

  const recordOf = (name: string): Record<string, unknown> & { volumes: { engine: string }[] } =>
    JSON.parse(readFileSync(join(store.directory, name, '.snapshot.json'), 'utf8')) as never

  for (const { title, through } of rights) {
    const snapshot = async (): Promise<string> => {
      const { exitCode, stderr } = await store.run(['snapshot'], { through })
      expect(exitCode, stderr).to.equal(0)
      return store.snapshotNames().at(-1) ?? ''
    }

    describe(`${title},`, () => {
      it('a snapshot is a read-only subvolume, atomic, and equal to the source', async () => {
        await growAwkwardTree(store.data)
        const name = await snapshot()
        expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
        const { consistency, volumes } = recordOf(name)
        expect([consistency, volumes[0]?.engine]).to.deep.equal(['atomic', 'btrfs'])
        expect(lstatSync(store.dataIn(name)).ino).to.equal(256)
        const property = await shellIn('/', `btrfs property get -ts ${store.dataIn(name)} ro`)
        expect(property.trim()).to.equal('ro=true')
      })

      it('an older snapshot stays as it is', async () => {
        await growAwkwardTree(store.data)
        const older = await snapshot()
        const before = walkTree(store.dataIn(older))
        await changeAwkwardTree(store.data)
        const newer = await snapshot()
        expect(compareTrees(before, walkTree(store.dataIn(older)))).to.deep.equal([])
        expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(newer)))).to.deep.equal([])
      })

      it('a restore after damage of every kind equals the snapshot, and its undo the damage', async () => {
        await growAwkwardTree(store.data)
        // btrfs lists these also to those who may not read them, and rsync fails then
        await shellIn(store.data, 'setfattr -x trusted.of-root attributes/xattr')
        const name = await snapshot()
        const wanted = walkTree(store.dataIn(name))
        await damageAwkwardTree(store.data)
        const damaged = walkTree(store.data)
        const restored = await store.run(['restore', name, '--yes'], { through })
        expect(restored.exitCode, restored.stderr).to.equal(0)
        expect(compareTrees(wanted, walkTree(store.data))).to.deep.equal([])
        expect(compareTrees(wanted, walkTree(store.dataIn(name))), 'the snapshot').to.deep.equal([])
        await store.run(['restore', '--undo', '--yes'], { through })
        expect(compareTrees(damaged, walkTree(store.data))).to.deep.equal([])
      })

      it('a restore of a damaged file leaves what is equal as it is', async () => {
        await shellIn(store.data, 'mkdir d; for f in 1 2 3; do echo $f > d/$f; done')
        const name = await snapshot()
        const before = lstatSync(join(store.data, 'd/1'), { bigint: true })
        await shellIn(store.data, 'echo damaged > d/2')
        await store.run(['restore', name, '--yes'], { through })
        const after = lstatSync(join(store.data, 'd/1'), { bigint: true })
        expect(readFileSync(join(store.data, 'd/2'), 'utf8')).to.equal('2\n')
        expect([after.ino, after.ctimeNs]).to.deep.equal([before.ino, before.ctimeNs])
      })

      it('a prune deletes the subvolumes of what it removes', async () => {
        await shellIn(
          store.data,
          'mkdir -p d/e; for f in $(seq 40); do echo $f > d/$f; done; ln -s /etc d/link',
        )
        for (let count = 0; count < 3; count += 1) await snapshot()
        const { exitCode, stderr } = await store.run(['prune', '--yes'], {
          through,
          env: { SNAP_MAX: '1' },
        })
        expect(exitCode, stderr).to.equal(0)
        expect(stderr).to.not.match(/^warning/m)
        expect([store.snapshotNames().length, store.leftIn('trash')]).to.deep.equal([1, []])
        const list = await shellIn('/', `btrfs subvolume list -r ${filesystem.path}`)
        expect(list.trim().split('\n'), list).to.have.length(1)
      })

      it('retention removes the oldest', async () => {
        for (let count = 0; count < 4; count += 1) {
          await store.run(['snapshot'], { through, env: { SNAP_MAX: '2' } })
        }
        expect([store.snapshotNames().length, store.leftIn('trash')]).to.deep.equal([2, []])
      })
    })
  }

  it('an empty one is refused where there were files', async () => {
    await store.snapshot()
    await rm(join(store.data, 'hello.txt'))
    expectRefusal(await store.run(['snapshot']), 1, /data has no files, and @GMT-\S+ has/)
    expect(store.leftIn('trash')).to.deep.equal([])
  })

  it('that became a plain directory, engine link goes on, and snapshots of both restore', async () => {
    await growAwkwardTree(store.data)
    // cp(1) takes no paths as long as these
    await shellIn(store.data, 'rm -r names/deep')
    const atomic = await store.snapshot()
    await shellIn('/', `mv ${store.data} ${store.data}.old; cp -a ${store.data}.old ${store.data}`)
    await changeAwkwardTree(store.data)
    await store.run(['snapshot'], { env: { SNAP_ENGINE: 'link' } })
    const plain = store.snapshotNames().at(-1) ?? ''
    const { consistency, volumes } = recordOf(plain)
    expect([consistency, volumes[0]?.engine]).to.deep.equal(['live', 'link'])
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(plain)))).to.deep.equal([])
    for (const name of [atomic, plain]) {
      await store.run(['restore', name, '--yes'], { env: { SNAP_ENGINE: 'link' } })
      const differences = compareTrees(walkTree(store.dataIn(name)), walkTree(store.data))
      expect(differences, name).to.deep.equal([])
    }
  })

  it('is as the older snapshot was after a restore, also when it was mounted again since', async () => {
    await shellIn(store.data, 'echo old > same-length; echo longer > longer; echo x > gone')
    const older = await store.snapshot()
    const wanted = walkTree(store.dataIn(older))
    await shellIn(
      store.data,
      'touch -r same-length ../time; echo new > same-length; touch -r ../time same-length; echo > longer; rm gone',
    )
    await filesystem.remount()
    const damaged = walkTree(store.data)
    const restored = await store.run(['restore', older, '--yes'])
    expect(restored.exitCode, restored.stderr).to.equal(0)
    expect(compareTrees(wanted, walkTree(store.data))).to.deep.equal([])
    await store.run(['restore', '--undo', '--yes'])
    expect(compareTrees(damaged, walkTree(store.data))).to.deep.equal([])
  })

  it('SNAP_ENGINE=btrfs refuses a plain directory and says why', async () => {
    await shellIn('/', `mv ${store.data} ${store.data}.old; mkdir ${store.data}`)
    const finished = await store.run(['snapshot'], { env: { SNAP_ENGINE: 'btrfs' } })
    expectRefusal(finished, 1, /is a plain directory on btrfs, not a subvolume/)
    expect(store.leftIn('staging')).to.deep.equal([])
  })

  it('SNAP_ENGINE=auto chooses btrfs for it, and show -a says why', async () => {
    const env = { SNAP_ENGINE: 'auto' }
    await growAwkwardTree(store.data)
    await store.run(['snapshot'], { env })
    expect(recordOf(store.snapshotNames().at(-1) ?? '').volumes[0]?.engine).to.equal('btrfs')
    const { stdout } = await store.run(['show', '-a'], { env })
    expect(stdout).to.include(
      `engine btrfs (${store.data} is a subvolume on the filesystem of the store)`,
    )
  })

  it('SNAP_ENGINE=link and rsync take it too, and are equal to it', async () => {
    await growAwkwardTree(store.data)
    for (const engine of ['link', 'rsync']) {
      await store.run(['snapshot'], { env: { SNAP_ENGINE: engine } })
      const name = store.snapshotNames().at(-1) ?? ''
      expect(recordOf(name).volumes[0]?.engine).to.equal(engine)
      expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
    }
  })

  it('a subvolume inside of it is an empty directory in the snapshot, and left alone by a restore', async () => {
    await shellIn(store.data, 'btrfs subvolume create inner; echo x > inner/file')
    const name = await store.snapshot()
    expect(readdirSync(join(store.dataIn(name), 'inner'))).to.deep.equal([])
    await shellIn(store.data, 'echo damaged > hello.txt')
    await store.run(['restore', name, '--yes'])
    expect(existsSync(join(store.data, 'inner/file'))).to.equal(true)
    expect(readFileSync(join(store.data, 'hello.txt'), 'utf8')).to.equal('hello\n')
  })

  const found: Record<string, string> = {
    'that its snapshot has as an empty directory': 'true',
    'that came after its snapshot': 'btrfs subvolume delete inner',
    'that is a file in its snapshot': 'btrfs subvolume delete inner; echo file > inner',
  }

  for (const [what, script] of Object.entries(found)) {
    for (const engine of ['link', 'rsync']) {
      it(`a subvolume ${what} is left alone by a restore of engine ${engine}`, async () => {
        const env = { SNAP_ENGINE: engine }
        await shellIn(store.data, `mkdir plain; btrfs subvolume create inner; ${script}`)
        await store.run(['snapshot'], { env })
        await shellIn(
          store.data,
          `test -d inner || { rm -f inner; btrfs subvolume create inner; }
mkdir plain/new; btrfs subvolume create plain/new/deep; echo x | tee inner/file > plain/new/deep/file; echo damaged > hello.txt`,
        )
        await store.run(['restore', 'latest', '--yes'], { env })
        expect(readFileSync(join(store.data, 'inner/file'), 'utf8')).to.equal('x\n')
        expect(readFileSync(join(store.data, 'plain/new/deep/file'), 'utf8')).to.equal('x\n')
      })
    }
  }

  it('a store on another filesystem is refused, and told so', async () => {
    const other = await makeStore({ dataOn: filesystem.path })
    try {
      await becomeSubvolume(other.data)
      const finished = await other.run(['snapshot'], { env: { SNAP_ENGINE: 'btrfs' } })
      expectRefusal(finished, 1, /and the store are on different filesystems/)
    } finally {
      await shellIn('/', `btrfs subvolume delete ${other.data}`)
      await other.remove()
    }
  })
})

async function becomeSubvolume(path: string): Promise<void> {
  await rename(path, `${path}.old`)
  await shellIn(
    '/',
    `btrfs subvolume create ${path}; cp -a ${path}.old/. ${path}/; rm -r ${path}.old`,
  )
}

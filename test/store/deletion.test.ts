import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore, useStore } from '../support/test-store.ts'
import { asInDocker } from './support/as-in-docker.ts'
import { deleteSubvolumes } from './support/delete-subvolumes.ts'

const prune = async (store: TestStore, through: readonly string[] = []) =>
  store.run(['prune', '--yes'], { through, env: { SNAP_MAX: '1' } })

describe('What is mounted in a snapshot that is removed', () => {
  const store = useStore()
  let elsewhere: string

  beforeEach(async () => {
    await shellIn(store.data, 'mkdir -p above/in; echo one > above/in/file')
    elsewhere = `${store.data}.elsewhere`
    await mkdir(join(elsewhere, 'deep'), { recursive: true })
    await writeFile(join(elsewhere, 'deep/precious'), 'precious')
  })

  const kinds: Record<string, (target: string) => Promise<void>> = {
    'a directory of the same filesystem': async (target) => {
      await shellIn('/', `mount --bind ${elsewhere} ${target}`)
    },
    'another filesystem': async (target) => {
      await shellIn('/', `mount -t tmpfs tmpfs ${target}; cp -r ${elsewhere}/deep ${target}`)
    },
  }

  for (const [kind, mountAt] of Object.entries(kinds)) {
    it(`stays: ${kind}; the rest is deleted when it is unmounted`, async () => {
      const name = await store.snapshot()
      await store.snapshot()
      await mountAt(join(store.dataIn(name), 'above'))
      const { exitCode, stderr } = await prune(store)
      const [trashed = ''] = store.leftIn('trash')
      const target = join(store.directory, '.snap-volume/trash', trashed, 'data/above')
      try {
        expect(exitCode).to.equal(0)
        expect(stderr).to.include(`because ${target} is mounted in it: unmount that`)
        expect(readFileSync(join(target, 'deep/precious'), 'utf8')).to.equal('precious')
      } finally {
        await shellIn('/', `umount ${target}`)
      }
      await prune(store)
      expect(store.leftIn('trash')).to.deep.equal([])
      expect(existsSync(join(elsewhere, 'deep/precious'))).to.equal(true)
    })
  }

  it('keeps no other from being deleted', async () => {
    const names = [await store.snapshot(), await store.snapshot(), await store.snapshot()]
    await shellIn('/', `mount --bind ${elsewhere} ${store.dataIn(names[0] ?? '')}/above`)
    await prune(store)
    const left = store.leftIn('trash')
    await shellIn(join(store.directory, '.snap-volume/trash'), 'umount */data/above')
    expect(left).to.have.length(1)
  })
})

describe('In the trash on btrfs', () => {
  let filesystem: LoopFilesystem
  let store: TestStore
  let trash: string

  before(async function () {
    filesystem = await loopOrSkip(this, 'btrfs', { sizeMiB: 512 })
  })

  beforeEach(async () => {
    store = await makeStore({ on: filesystem.path })
    await store.snapshot()
    trash = join(store.directory, '.snap-volume/trash')
  })

  afterEach(async () => {
    await deleteSubvolumes(filesystem.path)
    await store?.remove()
  })

  after(() => filesystem?.remove())

  it('any number of subvolumes is deleted with the capabilities that Docker gives by default', async () => {
    await shellIn(
      trash,
      `for i in $(seq 80); do
  mkdir $i; btrfs -q subvolume create $i/data; mkdir $i/data/d; echo $i > $i/data/d/file
  btrfs property set -ts $i/data ro true
done`,
    )
    const { exitCode, stderr } = await prune(store, asInDocker)
    expect(exitCode, stderr).to.equal(0)
    expect(readdirSync(trash)).to.deep.equal([])
  })

  it('links and files are deleted, and no subvolume where a link leads', async () => {
    const outside = join(filesystem.path, 'outside')
    await shellIn('/', `mkdir ${outside}; btrfs -q subvolume create ${outside}/precious`)
    await symlink(outside, join(trash, 'link'))
    await writeFile(join(trash, 'file'), '')
    const { stderr } = await prune(store)
    expect(stderr).to.equal('')
    expect([readdirSync(trash), readdirSync(outside)]).to.deep.equal([[], ['precious']])
  })
})

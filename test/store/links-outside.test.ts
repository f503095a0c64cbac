import { readFileSync } from 'node:fs'
import { mkdir, rename, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { expect } from 'chai'
import { type FuseFilesystem, fuseOrSkip } from '../support/fuse-filesystem.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore, useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('What is outside of the volume stays as it is', () => {
  const store = useStore()
  let outside: string

  beforeEach(async () => {
    outside = `${store.data}.outside`
    await mkdir(outside)
    await shellIn(outside, 'echo outside > file; mkdir directory; echo deep > directory/file')
  })

  async function expectOutsideKeptBy(act: () => Promise<unknown>): Promise<void> {
    const before = walkTree(outside)
    await act()
    expect(compareTrees(before, walkTree(outside))).to.deep.equal([])
  }

  const restore = () => store.run(['restore', 'latest', '--yes'])

  it('when the live path is a symbolic link: the restore is refused', async () => {
    await store.snapshot()
    await rename(store.data, `${store.data}.moved`)
    await symlink(outside, store.data)
    await expectOutsideKeptBy(async () => {
      expectRefusal(await restore(), 1, /is not a directory but a file or a symbolic link/)
    })
  })

  it('when the live path is a symbolic link: the snapshot is refused', async () => {
    await rename(store.data, `${store.data}.moved`)
    await symlink(outside, store.data)
    expectRefusal(await store.run(['snapshot']), 1, /a file or a symbolic link/)
    expect(store.snapshotNames()).to.deep.equal([])
  })

  it('when a directory above the live path is a symbolic link: the snapshot is refused', async () => {
    const parent = join(store.data, '..')
    await rename(parent, `${parent}-moved`)
    await symlink(`${parent}-moved`, parent)
    const finished = await store.run(['snapshot'])
    await shellIn('/', `rm ${parent}; mv ${parent}-moved ${parent}`)
    expectRefusal(finished, 1, /is reached through a symbolic link|is not a directory|no store/)
  })

  it('when a live file has a second name there: contents and mode', async () => {
    await shellIn(store.data, `echo inside > linked; chmod 640 linked`)
    await store.snapshot()
    await shellIn(store.data, `rm linked; ln ${outside}/file linked`)
    await expectOutsideKeptBy(restore)
  })

  it('when a live file of the same content has a second name there: mode and owner', async () => {
    await shellIn(store.data, `cp -a ${outside}/file linked; chmod 640 linked; chown 1:2 linked`)
    await store.snapshot()
    await shellIn(store.data, `rm linked; ln ${outside}/file linked`)
    await expectOutsideKeptBy(restore)
  })

  it('when a link group of the volume has one more name there', async () => {
    await shellIn(store.data, 'echo x > a; ln a b')
    await store.snapshot()
    await shellIn(store.data, `ln a ${outside}/c; chmod 600 a; echo y >> a`)
    await expectOutsideKeptBy(restore)
    const snapshot = store.snapshotNames()[0] ?? ''
    expect(compareTrees(walkTree(store.dataIn(snapshot)), walkTree(store.data))).to.deep.equal([])
  })

  it('when a live directory became a link to it', async () => {
    await shellIn(store.data, 'mkdir directory; echo inside > directory/file')
    await store.snapshot()
    await shellIn(store.data, `rm -r directory; ln -s ${outside}/directory directory`)
    await expectOutsideKeptBy(restore)
  })

  it('when a snapshot with links to it is pruned', async () => {
    await shellIn(store.data, `ln -s ${outside} link; ln -s ${outside}/directory deep`)
    await store.snapshot()
    await store.snapshot()
    await expectOutsideKeptBy(() => store.run(['prune'], { env: { SNAP_MAX: '1' } }))
    expect(store.snapshotNames()).to.have.length(1)
  })
})

describe('Where a filesystem sets the attributes of a link on what that leads to, as sshfs does, a restore', () => {
  let filesystem: FuseFilesystem
  let store: TestStore
  let outside: string

  before(async function () {
    filesystem = await fuseOrSkip(this, 'sshfs', { mountOptions: ['no_contain_symlinks'] })
  })

  beforeEach(async () => {
    store = await makeStore({ dataOn: filesystem.path })
    outside = `${store.data}.outside`
    await shellIn(
      store.data,
      `echo outside > ${outside}; ln -s ../${basename(outside)} link; ln -s nothing leads-nowhere`,
    )
    await store.snapshot()
  })

  afterEach(() => store.remove())
  after(() => filesystem?.remove())

  it('of links is refused, and changes nothing', async () => {
    await shellIn(store.data, 'rm link; echo changed > hello.txt')
    const before = walkTree(dirname(outside))
    const { exitCode, stderr } = await store.run(['restore', 'latest', '--yes'])
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/nothing was changed in .* links to restore: mount other storage there/)
    expect(compareTrees(before, walkTree(dirname(outside)))).to.deep.equal([])
    const { stdout } = await store.run(['status'])
    expect(stdout).not.to.include('cut off')
  })

  it('of anything else is made', async () => {
    await shellIn(store.data, 'echo changed > hello.txt')
    const { exitCode, stderr } = await store.run(['restore', 'latest', '--yes'])
    expect(exitCode, stderr).to.equal(0)
    expect(readFileSync(join(store.data, 'hello.txt'), 'utf8')).to.equal('hello\n')
  })
})

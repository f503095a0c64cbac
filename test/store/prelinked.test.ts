import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { restore } from '../../src/actions/restore/restore.ts'
import { changeAwkwardTree, damageAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import { shellIn } from '../support/shell.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { prelink } from './support/prelinked.ts'
import { describeSample } from '../support/sample.ts'

const tree = `
mkdir -p d/many/deep still/deep
(cd d/many/deep; seq 250 | xargs touch); (cd still/deep; seq 250 | xargs touch; ln -s nowhere link; mkfifo pipe)
echo one > d/one; chmod 2751 d/many; setfacl -m d:u:1234:rwx still; setfattr -n user.colour -v red d
find . -exec touch -h -d '2020-01-01T00:00:00.000000001Z' {} +`

const directories = ['.', 'd', 'd/many', 'd/many/deep', 'still', 'still/deep']

function inodeIn(root: string, path: string): number {
  return lstatSync(join(root, path)).ino
}

describeSample({ tests: 8 }, 'The prelinked tree', () => {
  let store: InProcessStore

  beforeEach(async () => {
    store = makeInProcessStore('link', 100)
    await shellIn(store.data, tree)
    await untilAllIsOld(store.data)
  })

  afterEach(() => store.remove())

  const prelinked = (): string => store.prelinkedOf('data') ?? expect.fail('nothing is prelinked')
  const isAnyLeft = (): boolean => readdirSync(store.context.store.prelinked).length > 0

  async function snapshotAndPrelink(): Promise<string> {
    const { name } = await store.snapshot()
    await prelink(store.context)
    return name
  }

  /** Takes one, and compares it, and that before it with what that was. */
  async function expectRightSnapshot(): Promise<string> {
    const before = store.snapshotNames().at(-1) ?? ''
    const was = walkTree(store.dataIn(before))
    const { name } = await store.snapshot()
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
    expect(compareTrees(was, walkTree(store.dataIn(before))), before).to.deep.equal([])
    expect(isAnyLeft()).to.equal(false)
    return name
  }

  it('is the newest snapshot but for its root, by links, with directories of its own', async () => {
    await growAwkwardTree(store.data)
    const name = await snapshotAndPrelink()
    const differences = compareTrees(walkTree(store.dataIn(name)), walkTree(prelinked()))
    expect(differences.filter((line) => !line.startsWith('".": '))).to.deep.equal([])
    const file = 'still/deep/5'
    expect(inodeIn(prelinked(), file)).to.equal(inodeIn(store.dataIn(name), file))
    expect(inodeIn(prelinked(), 'still')).to.not.equal(inodeIn(store.dataIn(name), 'still'))
  })

  it('can be entered by root alone', async () => {
    await snapshotAndPrelink()
    for (const path of ['', '..']) {
      expect(lstatSync(join(prelinked(), path)).mode & 0o7777, path).to.equal(0o700)
    }
  })

  it('is the next one, where nothing changed', async () => {
    await store.snapshot()
    for (let count = 0; count < 3; count += 1) {
      await prelink(store.context)
      const inodes = directories.map((path) => inodeIn(prelinked(), path))
      const name = await expectRightSnapshot()
      expect(directories.map((path) => inodeIn(store.dataIn(name), path))).to.deep.equal(inodes)
    }
  })

  it('is the next one, in which what changed is exchanged', async () => {
    const before = await snapshotAndPrelink()
    const inodes = directories.map((path) => inodeIn(prelinked(), path))
    await shellIn(
      store.data,
      'echo changed > still/deep/5; rm still/deep/6; touch d/many/new; chmod 750 d/many/deep',
    )
    const name = await expectRightSnapshot()
    expect(directories.map((path) => inodeIn(store.dataIn(name), path))).to.deep.equal(inodes)
    const file = 'still/deep/7'
    expect(inodeIn(store.dataIn(name), file)).to.equal(inodeIn(store.dataIn(before), file))
  })

  it('is the next one, whatever became another kind of entry meanwhile', async () => {
    await snapshotAndPrelink()
    await shellIn(
      store.data,
      `rm -r d/many; echo x > d/many; rm d/one; mkdir -p d/one/deep; mv still x; ln -s x still
       rm x/deep/7; ln x/deep/8 x/deep/7; mkfifo x/deep/new; mkdir x/many; mv x/deep x/many`,
    )
    const inode = inodeIn(prelinked(), '.')
    const name = await expectRightSnapshot()
    expect(inodeIn(store.dataIn(name), '.')).to.equal(inode)
  })

  const meanwhile: Record<string, string> = {
    'a link group lost a name': 'rm d/group',
    'a link group got a name': 'ln still/deep/group d/third',
    'a link group was split': 'cp -a d/group d/copy; mv d/copy d/group',
    'the directory with a name of a link group was renamed': 'mv d e',
    'directories were exchanged': 'mv still x; mv d/many still; mv x d/many',
    'a directory was replaced by a link to it': 'mv still x; ln -s x still',
    'all was removed but a file': 'mv d/one .; rm -r d still',
    'every attribute of a directory changed':
      'chmod 700 still; chown 12:34 still; setfacl -b still; setfattr -n user.x -v y still',
    'only times of directories changed': 'touch -d 2001-01-01 d still/deep .',
  }

  for (const [what, script] of Object.entries(meanwhile)) {
    it(`makes no difference to the next snapshots where ${what}`, async () => {
      await shellIn(store.data, 'echo group > still/deep/group; ln still/deep/group d/group')
      await untilAllIsOld(store.data)
      await snapshotAndPrelink()
      await shellIn(store.data, script)
      await expectRightSnapshot()
      await prelink(store.context)
      await expectRightSnapshot()
    })
  }

  const oddities: Record<string, string> = {
    'has a file less': 'rm still/deep/5',
    'has another file': 'rm d/one; echo two > d/one',
    'has a file more': 'touch d/many/more',
    'has another mode of a directory': 'chmod 777 d/many',
    'has another ACL of a directory': 'setfacl -b still',
    'has two directories exchanged': 'mv still x; mv d/many still; mv x d/many',
    'has a link in the place of a directory': 'mv still ../moved; ln -s ../moved still',
    'has a link out of the store in the place of a directory': 'rm -r still; ln -s /etc still',
    'has a directory in the place of a file': 'rm still/deep/5; mkdir -p still/deep/5/x',
    'has a file in the place of a directory': 'rm -r d/many; echo x > d/many',
    'has lost all': 'find . -mindepth 1 -delete',
    'has no attributes of directories': 'find . -type d -exec chmod 700 {} +; setfacl -b still',
  }

  for (const [what, script] of Object.entries(oddities)) {
    it(`makes no difference to the next snapshot where it ${what}`, async () => {
      await snapshotAndPrelink()
      await shellIn(prelinked(), script)
      await shellIn(store.data, 'echo changed > still/deep/8')
      await expectRightSnapshot()
    })
  }

  it('is not used where it is of an older snapshot', async () => {
    await snapshotAndPrelink()
    const { prelinked: place } = store.context.store
    const [older = ''] = readdirSync(place)
    const inode = inodeIn(prelinked(), '.')
    await shellIn(place, `mv ${older} ../aside`)
    await shellIn(store.data, 'echo changed > still/deep/8')
    await store.snapshot()
    await shellIn(place, `mv ../aside ${older}`)
    await shellIn(store.data, 'rm d/one')
    expect(inodeIn(store.dataIn(await expectRightSnapshot()), '.')).to.not.equal(inode)
  })

  it('changes no snapshot of an awkward tree that changes', async () => {
    await growAwkwardTree(store.data)
    await store.snapshot()
    for (let count = 0; count < 4; count += 1) {
      await prelink(store.context)
      if (count === 1) await changeAwkwardTree(store.data)
      await expectRightSnapshot()
    }
  })

  it('of a very long path is used too', async () => {
    const deep = Array(50).fill('d'.repeat(40)).join('/')
    await shellIn(store.data, `mkdir -p ${deep}; cd ${deep}; seq 20 | xargs touch`)
    await untilAllIsOld(store.data)
    await snapshotAndPrelink()
    const inode = inodeIn(prelinked(), deep)
    const name = await expectRightSnapshot()
    expect(inodeIn(store.dataIn(name), deep)).to.equal(inode)
  })

  it('serves the safety snapshot of a restore, and both are right', async () => {
    await growAwkwardTree(store.data)
    const latest = await snapshotAndPrelink()
    const inode = inodeIn(prelinked(), '.')
    await damageAwkwardTree(store.data)
    const damaged = walkTree(store.data)
    const options = { undo: false, reference: latest, volumes: [], readAll: false } as const
    const { safety } = await restore(store.context, options)
    expect(inodeIn(store.dataIn(safety ?? ''), '.')).to.equal(inode)
    expect(compareTrees(damaged, walkTree(store.dataIn(safety ?? '')))).to.deep.equal([])
    const wanted = walkTree(store.dataIn(latest))
    expect(compareTrees(wanted, walkTree(store.data))).to.deep.equal([])
    await prelink(store.context)
    await expectRightSnapshot()
  })

  it('serves the first pass of a snapshot for whose end the data are held', async () => {
    await snapshotAndPrelink()
    const inodes = directories.map((path) => inodeIn(prelinked(), path))
    store.context.hooks = {
      ...store.context.hooks,
      commands: { 'pre-snapshot': `touch ${store.data}/d/written-meanwhile` },
      timeoutMs: 9000,
    }
    const name = await expectRightSnapshot()
    expect(directories.map((path) => inodeIn(store.dataIn(name), path))).to.deep.equal(inodes)
  })
})

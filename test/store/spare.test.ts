import { existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Context } from 'mocha'
import { changeAwkwardTree, damageAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import { mountTmpfs } from '../support/mounts.ts'
import { type MountedPlace, mountPlace, places } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { makeInProcessStore } from './support/in-process.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

/** In `d` and beside it there are subtrees with so many entries that it pays to move them. */
const tree = `
mkdir -p d/e d/many/deep empty still/deep
for f in 1 2 3; do echo $f > d/$f; done; echo deep > d/e/f
(cd d/many/deep; seq 250 | xargs touch); (cd still/deep; seq 250 | xargs touch; ln -s nowhere link)
ln d/1 d/linked; ln -s d link; mkfifo fifo; chmod 2751 d/many; setfacl -m d:u:1234:rwx still
find . -exec touch -h -d '2020-01-01T00:00:00.000000001Z' {} +
touch -d '1969-12-31T23:59:57.123456789Z' d .`

const withoutGroups = tree.replace('ln d/1 d/linked; ', '')

const movable = ['d/many', 'd/many/deep', 'still', 'still/deep']

/** What may be in a spare, because somebody had it open when it was a snapshot; and which directories it spoils. */
const oddities: Record<string, [script: string, spoilt: string[]]> = {
  'a directory where a file was': ['rm d/many/deep/2; mkdir -p d/many/deep/2/x', ['d/many/deep']],
  'a file where a directory was': ['rm -r d/many; echo x > d/many', ['d/many', 'd/many/deep']],
  'a link where a directory was': [
    'mv d/many ..; ln -s ../../../../../../etc d/many',
    ['d/many', 'd/many/deep'],
  ],
  'a link to the directory that was there': [
    'mv d/many/deep elsewhere; ln -s ../../elsewhere d/many/deep',
    ['d/many', 'd/many/deep'],
  ],
  'a link where a file was': ['ln -sf /etc/passwd still/deep/2', ['still/deep']],
  'a file more': [
    String.raw`echo x > still/$'odd\xff'; mkfifo d/many/deep/pipe`,
    ['still', 'd/many/deep'],
  ],
  'a file less': ['rm still/deep/77', ['still/deep']],
  'nothing at all': ['find . -mindepth 1 -delete', movable],
  'another content under the same size and time': [
    'rm still/deep/5; touch -d 2020-01-01T00:00:00.000000001Z still/deep/5',
    ['still/deep'],
  ],
  'another content, with the times of the directory set back': [
    'touch -r still/deep ../times; rm still/deep/5; echo X > still/deep/5; touch -r ../times still/deep',
    ['still/deep'],
  ],
  'another mode of a directory': ['chmod 777 still/deep', ['still/deep']],
  'another owner of a directory': ['chown 12:34 d/many', ['d/many']],
  'another ACL of a directory': ['setfacl -b still', ['still']],
  'an attribute of a directory': ['setfattr -n user.left -v over d/many/deep', ['d/many/deep']],
  'directories that were exchanged': [
    'mv still/deep x; mv d/many/deep still; mv x d/many/deep',
    ['still', 'still/deep', 'd/many', 'd/many/deep'],
  ],
}

const env = { SNAP_ENGINE: 'link', SNAP_MAX: '2' }

describe('With the spare of a removed snapshot', () => {
  let store: TestStore
  const spares = (): string => join(store.directory, '.snap-volume/spare')
  const spare = (): string => join(spares(), readdirSync(spares()).join(), 'data')

  beforeEach(async () => {
    store = await makeStore({ env })
  })

  afterEach(() => store.remove())

  async function fill(script = tree): Promise<void> {
    await shellIn(store.data, script)
    await untilAllIsOld(store.data)
    for (let count = 0; count < 3; count += 1) await store.snapshot()
    expect(existsSync(spare())).to.equal(true)
  }

  /** Takes one and compares it and those that stay. */
  async function expectRightSnapshot(): Promise<string> {
    const kept = store.snapshotNames().slice(-1)
    const before = kept.map((name) => walkTree(store.dataIn(name)))
    const name = await store.snapshot()
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
    kept.forEach((old, index) => {
      const differences = compareTrees(before[index] ?? new Map(), walkTree(store.dataIn(old)))
      expect(differences, old).to.deep.equal([])
    })
    expect([...store.leftIn('staging'), ...store.leftIn('trash')]).to.deep.equal([])
    return name
  }

  /** Those that a snapshot has of what was the spare. */
  function movedTo(name: string, before: readonly number[]): string[] {
    const after = inodes(store.dataIn(name))
    return movable.filter((_, index) => after[index] === before[index])
  }

  it('the next is that tree, where nothing changed', async () => {
    await fill(withoutGroups)
    const inode = lstatSync(spare()).ino
    const before = inodes(spare())
    const name = await expectRightSnapshot()
    expect(lstatSync(store.dataIn(name)).ino).to.equal(inode)
    expect(movedTo(name, before)).to.deep.equal(movable)
  })

  it('and so is the one after it, and the one after that', async () => {
    await fill(withoutGroups)
    for (let count = 0; count < 4; count += 1) {
      const inode = lstatSync(spare()).ino
      expect(lstatSync(store.dataIn(await expectRightSnapshot())).ino).to.equal(inode)
    }
  })

  it('the next has the subtrees of it in which nothing changed', async () => {
    await fill()
    const before = inodes(spare())
    const inode = lstatSync(spare()).ino
    await shellIn(store.data, 'echo changed > d/e/f; mkdir new; rm d/2')
    const name = await expectRightSnapshot()
    expect(movedTo(name, before)).to.deep.equal(movable)
    expect(lstatSync(store.dataIn(name)).ino).to.not.equal(inode)
  })

  it('the next shares its files with the one before', async () => {
    await fill()
    await shellIn(store.data, 'echo changed > d/e/f')
    const before = store.snapshotNames().at(-1) ?? ''
    const name = await expectRightSnapshot()
    const files = ['still/deep/5', 'd/many/deep/250', 'd/3', 'd/1']
    const inodesOf = (root: string): number[] => files.map((file) => inodeIn(root, file))
    expect(inodesOf(store.dataIn(name))).to.deep.equal(inodesOf(store.dataIn(before)))
  })

  it('the next has nothing of a subtree that changed since it was taken, or before the last one', async () => {
    await fill()
    await shellIn(store.data, 'echo changed > still/deep/5; mv d/many/deep/6 d/many/deep/six')
    await untilAllIsOld(store.data)
    const older = inodes(spare())
    expect(movedTo(await expectRightSnapshot(), older)).to.deep.equal([])
    const before = inodes(spare())
    expect(movedTo(await expectRightSnapshot(), before)).to.deep.equal([])
    await expectRightSnapshot()
    const changed = inodes(spare())
    expect(movedTo(await expectRightSnapshot(), changed)).to.deep.equal(movable)
  })

  it('the next has directories that came into it by a rename as they are', async () => {
    await fill()
    await shellIn(store.data, 'mv still x; mv d/many still; mv x d/many; mkdir d/e/new')
    for (let count = 0; count < 3; count += 1) await expectRightSnapshot()
  })

  it('a directory in which a link group lost a name, or got one, is made anew', async () => {
    await fill()
    await shellIn(store.data, 'ln still/deep/5 again')
    await expectRightSnapshot()
    await shellIn(store.data, 'rm again')
    for (let count = 0; count < 3; count += 1) await expectRightSnapshot()
  })

  it('a link group stays one when the directory with one of its names is renamed', async () => {
    await fill(`${tree}; ln still/deep/5 d/e/group`)
    await shellIn(store.data, 'mv d/e d/f')
    for (let count = 0; count < 3; count += 1) await expectRightSnapshot()
  })

  it('snapshots of an awkward tree stay right while it changes', async () => {
    await growAwkwardTree(store.data)
    for (let count = 0; count < 3; count += 1) await store.snapshot()
    await expectRightSnapshot()
    await changeAwkwardTree(store.data)
    for (let count = 0; count < 3; count += 1) await expectRightSnapshot()
  })

  it('from before a change in place, snapshots have the times of its directory', async () => {
    await fill()
    await shellIn(store.data, 'echo changed > d/e/f')
    for (let count = 0; count < 3; count += 1) await expectRightSnapshot()
  })

  it('of very long paths, directories are moved too', async () => {
    const deep = Array(20).fill('d'.repeat(40)).join('/')
    await shellIn(store.data, `mkdir -p ${deep}/still; cd ${deep}/still; seq 250 | xargs touch`)
    await untilAllIsOld(store.data)
    for (let count = 0; count < 3; count += 1) await store.snapshot()
    const inode = inodeIn(spare(), `${deep}/still`)
    await shellIn(store.data, `touch ${deep}/new`)
    expect(inodeIn(store.dataIn(await expectRightSnapshot()), `${deep}/still`)).to.equal(inode)
  })

  it('a snapshot is right after a restore, and so is the restore', async () => {
    await growAwkwardTree(store.data)
    for (let count = 0; count < 3; count += 1) await store.snapshot()
    await damageAwkwardTree(store.data)
    const latest = store.snapshotNames().at(-1) ?? ''
    const wanted = walkTree(store.dataIn(latest))
    await store.run(['restore', latest, '--yes'])
    expect(compareTrees(wanted, walkTree(store.data))).to.deep.equal([])
    for (let count = 0; count < 3; count += 1) await expectRightSnapshot()
  })

  for (const [what, [script, spoilt]] of Object.entries(oddities)) {
    it(`that holds ${what}, the snapshot is right, and takes the rest from it`, async () => {
      await fill()
      await shellIn(store.data, 'echo changed > d/e/f')
      const before = inodes(spare())
      await shellIn(spare(), script)
      const moved = movedTo(await expectRightSnapshot(), before)
      expect(moved).to.deep.equal(movable.filter((path) => !isIn(path, spoilt)))
      await expectRightSnapshot()
    })
  }

  it('from which a run that was killed has moved something already, the next takes the rest', async () => {
    await fill()
    const before = inodes(spare())
    await shellIn(spare(), 'mkdir ../../../staging/killed; mv d/many ../../../staging/killed/many')
    await shellIn(store.data, 'echo changed > d/e/f')
    expect(movedTo(await expectRightSnapshot(), before)).to.deep.equal(['still', 'still/deep'])
  })

  it('whose seal is broken, the next is made anew', async () => {
    await fill()
    const before = inodes(spare())
    await shellIn(spare(), 'printf x >> ../.snapshot.seal.data')
    expect(movedTo(await expectRightSnapshot(), before)).to.deep.equal([])
  })

  it('that is of another chain of snapshots, the next is made anew', async () => {
    await fill()
    const before = inodes(spare())
    const latest = store.snapshotNames().at(-1) ?? ''
    await shellIn(store.directory, `rm ${latest}/.snapshot.index.data`)
    expect(movedTo(await expectRightSnapshot(), before)).to.deep.equal([])
  })

  it('a directory on which something is mounted meanwhile is not taken from it', async () => {
    await fill()
    await shellIn(store.data, 'mount -t tmpfs tmpfs still/deep; touch still/deep/of-the-mount')
    try {
      const name = await store.snapshot()
      expect(readdirSync(join(store.dataIn(name), 'still/deep'))).to.deep.equal([])
    } finally {
      await shellIn(store.data, 'umount still/deep')
    }
    for (let count = 0; count < 3; count += 1) await expectRightSnapshot()
  })

  it('nor is one in the place of which another of the same filesystem is mounted', async () => {
    await fill()
    await shellIn(store.data, 'mount --bind d/e still/deep')
    try {
      for (let count = 0; count < 3; count += 1) await expectRightSnapshot()
    } finally {
      await shellIn(store.data, 'umount still/deep')
    }
    for (let count = 0; count < 3; count += 1) await expectRightSnapshot()
  })

  it('files are copied that the newest snapshot lost, or has directories in the place of', async () => {
    await shellIn(store.data, 'mkdir -p a/b; touch a/1 a/2 a/3 a/b/1 a/b/2 a/b/3 a/b/last')
    await fill()
    const latest = store.snapshotNames().at(-1) ?? ''
    await shellIn(
      store.dataIn(latest),
      'cd a; rm 1 2 b/1 b/2; mkdir 2 b/2; rm ../still/deep/5; rm -r ../d/many',
    )
    await shellIn(store.data, 'echo changed > a/b/last')
    const { exitCode, stderr } = await store.run(['snapshot'])
    expect(exitCode, stderr).to.equal(3)
    expect(stderr).to.include('unchanged files were copied, because the snapshot before')
    for (let count = 0; count < 4; count += 1) {
      const name = store.snapshotNames().at(-1) ?? ''
      expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
      await store.snapshot()
    }
  })

  it('that is of another chain with the same numbers, the next has nothing that changed between them', async () => {
    await shellIn(store.data, tree)
    await untilAllIsOld(store.data)
    const first = await store.snapshot()
    await shellIn(store.directory, `rm ${first}/.snapshot.index.data`)
    await shellIn(store.data, 'echo changed > still/deep/5')
    await untilAllIsOld(store.data)
    for (let count = 0; count < 4; count += 1) await expectRightSnapshot()
  })

  it('that is a link, nothing is written where it leads', async () => {
    await fill()
    const outside = `${store.data}.outside`
    await shellIn('/', `mkdir ${outside}; rm -rf ${spare()}; ln -s ${outside} ${spare()}`)
    await expectRightSnapshot()
    expect(readdirSync(outside)).to.deep.equal([])
  })

  it('it is gone after the next, and that which was removed then is there', async () => {
    await fill()
    const [oldest] = store.snapshotNames()
    await shellIn(store.data, 'echo changed > d/e/f')
    await expectRightSnapshot()
    expect(readdirSync(spares())).to.deep.equal([oldest?.slice(1)])
  })

  it('a prune gives its space back', async () => {
    await fill()
    const { exitCode } = await store.run(['prune'])
    expect([exitCode, readdirSync(spares()), store.leftIn('trash')]).to.deep.equal([0, [], []])
  })

  it('a snapshot that fails gives its space back', async () => {
    await fill()
    await shellIn(store.data, 'find . -mindepth 1 -delete')
    const { exitCode } = await store.run(['snapshot'])
    expect([exitCode, readdirSync(spares()), store.leftIn('trash')]).to.deep.equal([1, [], []])
  })

  it('a snapshot that finds the store full gives its space back', async () => {
    const small = await mountTmpfs('size=8m')
    const full = await makeStore({ on: small.path, dataOn: '/var/tmp', env })
    try {
      for (let count = 0; count < 3; count += 1) await full.snapshot()
      const kept = join(full.directory, '.snap-volume/spare')
      expect(readdirSync(kept)).to.have.length(1)
      await shellIn(full.data, 'head -c 20M /dev/urandom > large')
      const { exitCode, stderr } = await full.run(['snapshot'])
      expect([exitCode, readdirSync(kept), full.leftIn('trash')]).to.deep.equal([1, [], []])
      expect(stderr).to.include('is full')
    } finally {
      await full.remove()
      await small.remove()
    }
  })

  it('there is none of snapshots that have no seal', async () => {
    const other = { env: { SNAP_ENGINE: 'rsync' } }
    for (let count = 0; count < 3; count += 1) await store.run(['snapshot'], other)
    expect([store.snapshotNames().length, readdirSync(spares())]).to.deep.equal([2, []])
  })
})

describe('The spare of a snapshot of two volumes', () => {
  it('gives each its own directories', async () => {
    const store = makeInProcessStore('link', 2)
    try {
      const mail = `${store.data}.mail`
      store.context.config.volumes.push({ id: 'mail', path: mail })
      mkdirSync(mail)
      for (const root of [store.data, mail]) await shellIn(root, withoutGroups)
      await untilAllIsOld(mail)
      for (let count = 0; count < 3; count += 1) await store.snapshot()
      await shellIn(mail, 'echo changed > d/e/f')
      const before = ['data', 'mail'].map((id) => inodes(store.spareOf(id) ?? ''))
      const { name } = await store.snapshot()
      const trees = [store.dataIn(name), join(store.dataIn(name), '../mail')]
      expect(trees.map(inodes)).to.deep.equal(before)
      for (const [index, root] of [store.data, mail].entries()) {
        const differences = compareTrees(walkTree(root), walkTree(trees[index] ?? ''))
        expect(differences, root).to.deep.equal([])
      }
    } finally {
      await store.remove()
    }
  })
})

for (const place of places) {
  describe(`A spare, ${place.title}`, () => {
    let mounted: MountedPlace
    let store: TestStore

    before(async function (this: Context) {
      mounted = await mountPlace(this, place)
      store = await makeStore({ ...mounted, env })
    })

    after(async () => {
      await store?.remove()
      await mounted?.remove()
    })

    it('gives the next snapshot its directories, and all times are right', async () => {
      await shellIn(store.data, tree)
      await untilAllIsOld(store.data)
      for (let count = 0; count < 3; count += 1) await store.snapshot()
      for (const change of ['echo changed > d/e/f', 'echo again > d/e/f', 'true', 'true', 'true']) {
        const spares = join(store.directory, '.snap-volume/spare')
        const spare = join(spares, readdirSync(spares).join(), 'data')
        const before = inodes(spare)
        await shellIn(store.data, change)
        const taken = store.dataIn(await store.snapshot())
        expect(compareTrees(walkTree(store.data), walkTree(taken)), change).to.deep.equal([])
        expect(inodes(taken), change).to.deep.equal(before)
      }
    })
  })
}

function inodes(root: string): number[] {
  return movable.map((path) => inodeIn(root, path))
}

/** Whether it is one of the paths, or one of them is below it: a subtree is moved as a whole. */
function isIn(path: string, paths: readonly string[]): boolean {
  return paths.some((one) => one === path || one.startsWith(`${path}/`))
}

function inodeIn(root: string, path: string): number {
  return lstatSync(join(root, path), { throwIfNoEntry: false })?.ino ?? -1
}

import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { changeAwkwardTree, damageAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

const tree = `
mkdir -p d/e empty; for f in 1 2 3; do echo $f > d/$f; done; echo deep > d/e/f
ln d/1 d/linked; ln -s d link; mkfifo fifo
find . -exec touch -h -d '2020-01-01T00:00:00.000000001Z' {} +`

/** What may be in a spare, by whatever accident. */
const oddities: Record<string, string> = {
  'a directory where a file should be': 'rm d/2; mkdir -p d/2/x; echo x > d/2/x/y',
  'a file where a directory should be': 'rm -r d/e; echo x > d/e',
  'a link where a directory should be': 'rm -r d; ln -s ../../../../.. d',
  'a link where a file should be': 'rm d/2; ln -s /etc/passwd d/2',
  'names that should not be there': String.raw`echo x > extra; mkdir -p more/deep; echo x > more/deep/$'odd\xff'; mkfifo d/pipe`,
  'nothing at all': 'find . -mindepth 1 -delete',
  'another content under the same size and time': `
    rm d/2; echo X > d/2; touch -d '2020-01-01T00:00:00.000000001Z' d/2`,
  'another content, with the times of the directory set back': `
    touch -r d ../times; rm d/2; echo X > d/2; touch -d '2020-01-01T00:00:00.000000001Z' d/2
    touch -r ../times d; rm ../times`,
  'other modes, owners, ACLs and attributes of directories': `
    chmod 7777 d; chown 12:34 d/e; setfacl -m d:u:1234:rwx d empty; setfattr -n user.left -v over d/e`,
  'link groups that the source does not have': 'ln -f d/2 d/3; ln d/e/f f',
}

describe('With the spare of a removed snapshot', () => {
  let store: TestStore
  let spare: string

  beforeEach(async () => {
    store = await makeStore({ env: { SNAP_ENGINE: 'link', SNAP_MAX: '2' } })
    spare = join(store.directory, '.snap-volume/spare/data')
  })

  afterEach(() => store.remove())

  async function fill(): Promise<void> {
    await shellIn(store.data, tree)
    for (let count = 0; count < 3; count += 1) await store.snapshot()
    expect(existsSync(spare)).to.equal(true)
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
    return name
  }

  it('the next begins: it has the inode of the spare', async () => {
    await fill()
    const inode = lstatSync(spare).ino
    const name = await store.snapshot()
    expect(lstatSync(store.dataIn(name)).ino).to.equal(inode)
  })

  it('snapshots of an awkward tree stay right while it changes', async () => {
    await growAwkwardTree(store.data)
    for (let count = 0; count < 3; count += 1) await store.snapshot()
    await expectRightSnapshot()
    await changeAwkwardTree(store.data)
    await expectRightSnapshot()
    await expectRightSnapshot()
  })

  it('from before a change in place, snapshots have the times of its directory', async () => {
    await fill()
    await shellIn(store.data, 'echo changed > d/e/f')
    for (let count = 0; count < 3; count += 1) await expectRightSnapshot()
  })

  it('a snapshot is right after a restore, and so is the restore', async () => {
    await growAwkwardTree(store.data)
    for (let count = 0; count < 3; count += 1) await store.snapshot()
    await damageAwkwardTree(store.data)
    const latest = store.snapshotNames().at(-1) ?? ''
    const wanted = walkTree(store.dataIn(latest))
    await store.run(['restore', latest, '--yes'])
    expect(compareTrees(wanted, walkTree(store.data))).to.deep.equal([])
    await expectRightSnapshot()
    await expectRightSnapshot()
  })

  for (const [what, script] of Object.entries(oddities)) {
    it(`that holds ${what}, the snapshot is right and no other changed`, async () => {
      await fill()
      await shellIn(spare, script)
      await expectRightSnapshot()
      await expectRightSnapshot()
    })
  }

  it('that is a link, nothing is written where it leads', async () => {
    await fill()
    const outside = `${store.data}.outside`
    await shellIn('/', `mkdir ${outside}; rm -rf ${spare}; ln -s ${outside} ${spare}`)
    await store.run(['snapshot'])
    expect(readdirSync(outside)).to.deep.equal([])
    await expectRightSnapshot()
  })

  it('a prune gives its space back', async () => {
    await fill()
    const { exitCode } = await store.run(['prune'])
    expect([exitCode, existsSync(spare), store.leftIn('trash')]).to.deep.equal([0, false, []])
  })
})

import { expect } from 'chai'
import { readEntries } from '../../src/tree/byte-path.ts'
import { type FuseFilesystem, fuseOrSkip } from '../support/fuse-filesystem.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

/** sshfs tells of no entry whether it is a directory: whoever wants to know has to look. */
describe('Names that are not ASCII, where directories do not tell types', function () {
  this.timeout(60_000)
  let filesystem: FuseFilesystem
  let store: TestStore | undefined

  before(async function () {
    filesystem = await fuseOrSkip(this, 'sshfs')
  })

  after(() => filesystem?.remove())

  afterEach(async () => {
    await store?.remove()
    store = undefined
  })

  const tree = "mkdir -p 'dé/ü'; echo 1 > 'dé/ü/ñ'; echo 2 > $'b\\xff'; echo 3 > plain"

  it('are found, with what they are', async () => {
    await shellIn(filesystem.path, `mkdir kinds; cd kinds; ${tree}`)
    const found = [...readEntries(`${filesystem.path}/kinds`)]
    expect(found).to.have.deep.members([
      { name: Buffer.from('dé').toString('latin1'), isDirectory: true },
      { name: 'b\u00ff', isDirectory: false },
      { name: 'plain', isDirectory: false },
    ])
  })

  it('are restored, and removed', async () => {
    store = await makeStore({ on: '/var/tmp', dataOn: filesystem.path })
    await shellIn(store.data, tree)
    const name = await store.snapshot()
    const before = walkTree(store.dataIn(name))
    await shellIn(store.data, "rm -r 'dé'; mkdir -p 'ö/ä'; echo 4 > 'ö/ä/x'; echo 5 > plain")
    const { exitCode, stderr } = await store.run(['restore', name, '--yes'])
    expect(exitCode, stderr).to.equal(0)
    expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
  })
})

import { expect } from 'chai'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

/** Other bytes, the same size, the same time: what only reading the content shows. */
const forge = `
cp -a hello.txt ../reference
printf JELLO | dd of=hello.txt conv=notrunc status=none
touch -r ../reference hello.txt`

describe('The first snapshot after a restore of a file whose damage kept its size and time', () => {
  let store: TestStore

  beforeEach(async () => {
    store = await makeStore()
    await store.snapshot()
    await shellIn(store.data, forge)
    await store.run(['restore', 'latest', '--yes'])
  })

  afterEach(() => store.remove())

  it('holds the file as it was restored, not the damaged one of the safety snapshot', async () => {
    const source = walkTree(store.data)
    const name = await store.snapshot()
    expect(compareTrees(source, walkTree(store.dataIn(name)))).to.deep.equal([])
  })

  it('holds the damaged one after that restore is undone', async () => {
    await store.run(['restore', '--undo', '--yes'])
    const source = walkTree(store.data)
    const name = await store.snapshot()
    expect(compareTrees(source, walkTree(store.dataIn(name)))).to.deep.equal([])
  })
})

import { expect } from 'chai'
import { damageAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import { lastDocumentOf } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

interface Step {
  action: string
  path: string
}

describe('restore --dry-run', () => {
  let store: TestStore

  beforeEach(async () => {
    store = await makeStore()
    await shellIn(store.data, 'for name in edited deleted chmodded; do echo $name > $name; done')
  })

  afterEach(() => store.remove())

  it('changes nothing in the data and nothing in the store', async () => {
    await growAwkwardTree(store.data)
    await store.snapshot()
    await damageAwkwardTree(store.data)
    const data = walkTree(store.data)
    const published = store.published()
    await store.run(['restore', 'latest', '--dry-run'])
    expect(compareTrees(data, walkTree(store.data))).to.deep.equal([])
    expect(compareTrees(published, store.published())).to.deep.equal([])
  })

  it('lists what would be created, changed, given other attributes and deleted', async () => {
    await store.snapshot()
    await shellIn(store.data, 'echo other > edited; rm deleted; chmod 777 chmodded; echo x > added')
    const finished = await store.run(['restore', 'latest', '--dry-run', '--json'])
    const [{ steps }] = lastDocumentOf(finished)['volumes'] as [{ steps: Step[] }]
    const actions = Object.fromEntries(steps.map(({ action, path }) => [path, action]))
    expect(actions).to.include({
      edited: 'change',
      deleted: 'create',
      chmodded: 'attributes',
      added: 'delete',
    })
  })

  it('says the same as the restore then counts', async () => {
    await shellIn(store.data, 'ln edited linked')
    await store.snapshot()
    await shellIn(
      store.data,
      'rm linked deleted; echo other > edited; echo other > hello.txt; echo x > added',
    )
    const finished = await store.run(['restore', 'latest', '--json'])
    const [{ counts }] = lastDocumentOf(finished)['volumes'] as [{ counts: object }]
    expect(counts).to.include({ created: 2, changed: 2, deleted: 1 })
  })
})

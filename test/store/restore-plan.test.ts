import { expect } from 'chai'
import { damageAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import { lastDocumentOf } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

interface Step {
  action: string
  path: string
}

const oddNames = String.raw`$'new\nline' '\#012' $'byte\xff' ' blank'`

describe('restore --dry-run', () => {
  const store = useStore()

  beforeEach(async () => {
    await shellIn(store.data, 'for name in edited deleted chmodded; do echo $name > $name; done')
  })

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

  const damages: Record<string, [damage: string, expected: object, steps: string[]]> = {
    'files and a name of a group': [
      'rm linked deleted; echo other > edited; echo other > hello.txt; echo x > added',
      { created: 2, changed: 2, deleted: 1 },
      ['change edited', 'change hello.txt', 'create deleted', 'create linked', 'delete added'],
    ],
    'the content of a group': [
      'echo other > edited',
      { created: 0, changed: 2, deleted: 0 },
      ['change edited', 'change linked'],
    ],
    'the mode of a group': [
      'chmod 600 edited',
      { created: 0, changed: 0, deleted: 0 },
      ['attributes edited', 'attributes linked'],
    ],
    'a group that was split': [
      'cp -p edited t; mv t linked',
      { created: 0, changed: 1, deleted: 0 },
      ['change linked'],
    ],
    'the mode of a file that has another name elsewhere': [
      'ln deleted ../outside; chmod 600 deleted',
      { created: 0, changed: 0, deleted: 0 },
      ['attributes deleted'],
    ],
    'a group in a directory whose name begins with a blank': [
      'chmod 600 " directory/one"; echo other > " directory/single"',
      { created: 0, changed: 1, deleted: 0 },
      ['attributes  directory/one', 'attributes  other', 'change  directory/single'],
    ],
    'a file that has got another name elsewhere, and is the same': [
      'ln deleted ../outside',
      { created: 0, changed: 0, deleted: 0 },
      [],
    ],
    'two equal files that have become one': [
      'cp -p edited t; mv t chmodded; ln -f chmodded deleted',
      { created: 0, changed: 2, deleted: 0 },
      ['change chmodded', 'change deleted'],
    ],
    'a type': [
      'rm deleted; ln -s x deleted',
      { created: 0, changed: 1, deleted: 0 },
      ['change deleted'],
    ],
    'a name that rsync prints otherwise': [
      `echo other | tee ${oddNames}`,
      { created: 0, changed: 4, deleted: 0 },
      ['change  blank', 'change \\#012', 'change byte\ufffd', 'change new\nline'],
    ],
  }

  for (const [title, [damage, expected, lines]] of Object.entries(damages)) {
    it(`says what the restore then does and counts: ${title}`, async () => {
      await shellIn(
        store.data,
        `ln edited linked; echo x | tee ${oddNames}
        mkdir ' directory'; cd ' directory'; echo x > one; ln one '../ other'; echo x > single`,
      )
      await store.snapshot()
      await shellIn(store.data, damage)
      const plan = await store.run(['restore', 'latest', '--dry-run', '--json'])
      const [planned] = lastDocumentOf(plan)['volumes'] as [{ counts: object; steps: Step[] }]
      const told = planned.steps.map(({ action, path }) => `${action} ${path}`).toSorted()
      expect(told.filter((line) => line !== 'attributes .')).to.deep.equal(lines)
      expect(planned.counts).to.include(expected)
      const finished = await store.run(['restore', 'latest', '--yes', '--json'])
      const [{ counts }] = lastDocumentOf(finished)['volumes'] as [{ counts: object }]
      expect(counts).to.include(expected)
    })
  }
})

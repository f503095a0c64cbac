import { expect } from 'chai'
import { lastDocumentOf } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees } from '../support/tree-walker.ts'

/** Nothing of this is a snapshot, although some of it looks like one. */
const foreign = `
mkdir -p notes @GMT-2001.01.01-00.00.00/data @GMT-2001.02.30-00.00.00/data
mkdir -p @GMT-2001.01.01-00.00.00.partial @GMT-2001.01.01 @gmt-2001.01.01-00.00.01 @GMT-
echo file > @GMT-2001.01.02-00.00.00
echo mine > notes/file
ln -s notes @GMT-2001.01.03-00.00.00
ln -s /etc @GMT-2001.01.04-00.00.00
echo x > '@GMT-2001.01.01-00.00.00/data/file'`

describe('Foreign entries in the store', () => {
  const store = useStore()

  beforeEach(async () => {
    await shellIn(store.directory, foreign)
  })

  it('are not counted', async () => {
    const name = await store.snapshot()
    const document = lastDocumentOf(await store.run(['show', '--json']))
    expect((document['snapshots'] as { name: string }[]).map((one) => one.name)).to.deep.equal([
      name,
    ])
  })

  it('are never pruned', async () => {
    const before = store.published()
    const names = [await store.snapshot(), await store.snapshot(), await store.snapshot()]
    await store.run(['prune'], { env: { SNAP_MAX: '1' } })
    const rest = [...store.published()].filter(
      ([path]) => !names.some((name) => path.startsWith(name)),
    )
    expect(compareTrees(before, new Map(rest))).to.deep.equal([])
  })

  it('are not what a reference means', async () => {
    await store.snapshot()
    const { exitCode, stderr } = await store.run(['show', '@GMT-2001.01.01-00.00.00'])
    expect(stderr).to.match(/there is no snapshot/)
    expect(exitCode).to.equal(1)
  })

  it('are not overwritten by a snapshot of the same name', async () => {
    await shellIn(
      store.directory,
      'for s in $(seq 0 20); do mkdir "$(date -u -d "+$s seconds" +@GMT-%Y.%m.%d-%H.%M.%S)"; done',
    )
    const before = store.published()
    const name = await store.snapshot()
    const rest = [...store.published()].filter(([path]) => !path.startsWith(name))
    expect(compareTrees(before, new Map(rest))).to.deep.equal([])
  })
})

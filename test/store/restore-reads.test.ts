import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { whyNoStrace } from '../support/strace.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

const grow = `
mkdir d
for name in single damaged-single; do echo $name > d/$name; done
for name in group added-to unlinked damaged; do echo $name > d/$name; ln d/$name d/$name-2; done`

const damage = `
echo other > d/damaged-single
ln d/added-to d/added-to-3
rm d/unlinked-2
echo other > d/damaged-2`

describe('A restore of data with link groups', () => {
  const store = useStore({ env: { SNAP_ENGINE: 'link' } })

  before(async function () {
    const why = await whyNoStrace()
    if (why !== undefined) skipBecause(this, why)
  })

  beforeEach(async () => {
    await shellIn(store.data, grow)
    await untilAllIsOld(store.data)
    await store.snapshot()
    await shellIn(store.data, damage)
    await untilAllIsOld(store.data)
    // of what a ctime alone is new, which is copied or compared once
    await store.snapshot()
  })

  /** The names of the files in `d`, of any tree, that a restore opens. */
  async function openedBy(...words: string[]): Promise<string[]> {
    const trace = join(store.directory, 'trace')
    const through = ['strace', '-f', '-qq', '-e', 'trace=open,openat,openat2', '-o', trace]
    const { exitCode, stderr } = await store.run(['restore', 'latest~1', '--yes', ...words], {
      through,
    })
    expect(exitCode, stderr).to.equal(0)
    const opened = readFileSync(trace, 'utf8').matchAll(
      /openat2?\([^,]+, "(?:[^"]*\/)?((?:single|damaged|group|added-to|unlinked)[^/"]*)", (?!.*O_PATH)/g,
    )
    return [...new Set([...opened].map(([, name = '']) => name))].toSorted()
  }

  it('reads what was written since, and nothing else', async () => {
    const opened = await openedBy()
    expect(opened).to.include('damaged-single')
    expect(opened).to.not.include.members(['single'])
    for (const name of ['single', 'group', 'group-2']) expect(opened).to.not.include(name)
  })

  it('reads all with --checksum', async () => {
    expect(await openedBy('--checksum')).to.include.members(['single', 'group'])
  })

  it('makes them equal to the snapshot', async () => {
    await openedBy()
    const [older = ''] = store.snapshotNames()
    expect(compareTrees(walkTree(store.dataIn(older)), walkTree(store.data))).to.deep.equal([])
  })
})

import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { whyNoStrace } from '../support/strace.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { startTraced } from './support/snap-volume.ts'

const parents = ['a', 'b', 'c']
const mostRenames = 30

/** In each parent one subtree that is moved, and a file that changes. */
const fill = parents
  .map((name) => `mkdir -p ${name}/still; (cd ${name}/still; seq 250 | xargs touch)`)
  .join('\n')
const change = parents.map((name) => `echo $RANDOM > ${name}/changing`).join('\n')

describe('SIGKILL at each rename of a snapshot that takes directories from the spare', function () {
  this.timeout(300_000)

  let store: TestStore

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
    store = await makeStore({ env: { SNAP_ENGINE: 'link', SNAP_MAX: '2' } })
    await shellIn(store.data, fill)
  })

  after(() => store?.remove())

  const spares = (): string => join(store.directory, '.snap-volume/spare')

  /** In the spare, and in what is being made. */
  function countMoved(): number {
    const [spare] = readdirSync(spares())
    if (spare === undefined) return 0
    const left = parents.filter((name) =>
      lstatSync(join(spares(), spare, 'data', name, 'still'), { throwIfNoEntry: false }),
    )
    return parents.length - left.length
  }

  it('leaves the list as it was, or with one more good one, and the next run has the rest of the spare', async () => {
    const cutOffAfter = new Set<number>()
    for (let when = 1; when <= mostRenames; when += 1) {
      while (readdirSync(spares()).length === 0) await store.snapshot()
      await store.snapshot()
      await shellIn(store.data, change)
      const before = new Map(
        store.snapshotNames().map((name) => [name, walkTree(store.dataIn(name))]),
      )
      const injection = { calls: 'rename,renameat,renameat2', fault: 'signal=SIGKILL', when }
      const command = { args: ['snapshot'], environment: { ...store.env } }
      const { signal } = await startTraced(command, injection).ended
      if (signal === 'SIGKILL') cutOffAfter.add(countMoved())
      const names = store.snapshotNames()
      expect(names.filter((name) => !before.has(name)).length, `rename ${when}`).to.be.at.most(1)
      expect(names.length, `rename ${when}`).to.be.within(2, 3)
      for (const name of names) {
        const wanted = before.get(name) ?? walkTree(store.data)
        const differences = compareTrees(wanted, walkTree(store.dataIn(name)))
        expect(differences, `${name}, rename ${when}`).to.deep.equal([])
      }
      const next = await store.snapshot()
      const differences = compareTrees(walkTree(store.data), walkTree(store.dataIn(next)))
      expect(differences, `the one after rename ${when}`).to.deep.equal([])
      expect([...store.leftIn('staging'), ...store.leftIn('trash')]).to.deep.equal([])
      if (signal !== 'SIGKILL') break
    }
    expect([...cutOffAfter]).to.include.members([0, 1, 2, 3])
  })
})

import { lstatSync } from 'node:fs'
import { expect } from 'chai'
import { prelinkedTree } from '../store/support/prelinked.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { whyNoStrace } from '../support/strace.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { startTraced } from './support/snap-volume.ts'
import { describeSample } from '../support/sample.ts'

const fill = `mkdir -p a/still b/still m/1 m/2; for d in a b; do (cd $d/still; seq 50 | xargs touch); done
for d in 1 2; do (cd m/$d; echo $d > f; echo $d$d > g; touch h); done`

/**
 * Something to unlink, to copy, to remove with all that is in it, to make, and to link from another
 * path.
 */
const change = `for f in 6 7 8 9; do echo $RANDOM > a/still/$f; done; rm -f b/still/$(ls b/still | head -1)
[ -d c ] && mv c d || { rm -rf d; mkdir c; touch c/1 c/2; }
mv m/1 m/t; mv m/2 m/1; mv m/t m/2`

const calls = ['rename,renameat,renameat2', 'unlink,unlinkat', 'mkdir,mkdirat', 'link,linkat']
const mostCalls = 60

describeSample({ tests: 1 }, 'SIGKILL of a snapshot that takes a prelinked tree', function () {
  this.timeout(600_000)

  let store: TestStore

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
    store = await makeStore({ env: { SNAP_ENGINE: 'link' } })
    await shellIn(store.data, fill)
    await untilAllIsOld(store.data)
    await store.snapshot()
  })

  after(() => store?.remove())

  /** Gives the inode of the tree. */
  async function prelink(): Promise<number> {
    await store.prelink()
    return lstatSync(prelinkedTree(store.directory)).ino
  }

  function expectSame(wanted: ReturnType<typeof walkTree>, name: string, what: string): void {
    expect(compareTrees(wanted, walkTree(store.dataIn(name))), `${name}, ${what}`).to.deep.equal([])
  }

  for (const kind of calls) {
    it(`at each ${kind} leaves the list as it was, or with one more good one`, async () => {
      let killed = 0
      let taken = 0
      for (let when = 1; when <= mostCalls; when += 1) {
        const what = `${kind} ${when}`
        const inode = await prelink()
        await shellIn(store.data, change)
        const before = new Map(
          store.snapshotNames().map((name) => [name, walkTree(store.dataIn(name))]),
        )
        const { exitCode } = await startTraced(
          { args: ['snapshot'], environment: { ...store.env } },
          { calls: kind, fault: 'signal=SIGKILL', when, children: true },
        ).ended
        const names = store.snapshotNames()
        expect(names.length - before.size, what).to.be.within(0, 1)
        for (const [name, tree] of before) expectSame(tree, name, what)
        for (const name of names.slice(before.size)) {
          expectSame(walkTree(store.data), name, what)
          if (lstatSync(store.dataIn(name)).ino === inode) taken += 1
        }
        const next = await store.snapshot()
        expectSame(walkTree(store.data), next, `the one after ${what}`)
        expect([...store.leftIn('staging'), ...store.leftIn('trash')], what).to.deep.equal([])
        if (exitCode === 0) break
        killed += 1
      }
      // the last one was not killed, and is that tree
      expect([killed > 2, taken > 0], `${killed} killed, ${taken} taken`).to.deep.equal([
        true,
        true,
      ])
    })
  }
})

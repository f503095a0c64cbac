import { readdirSync } from 'node:fs'
import { expect } from 'chai'
import { storeLayout } from '../../src/store/layout.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { whyNoStrace } from '../support/strace.ts'
import { type TestStore, makeStore, onlyPrelinks, prelinkedIsReady } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { startTraced } from './support/snap-volume.ts'
import { describeSample } from '../support/sample.ts'

const fill = 'mkdir -p a/still b/still; for d in a b; do (cd $d/still; seq 250 | xargs touch); done'

/** Of each kind of call, those at which it is killed; without a number, all until none is left. */
const calls: Record<string, number[] | undefined> = {
  'link,linkat': [1, 2, 250, 500],
  'mkdir,mkdirat': undefined,
  'rename,renameat,renameat2': undefined,
}

const moreThanThereAre = 60_000

describeSample({ tests: 1 }, 'SIGKILL of a daemon that links in advance', function () {
  this.timeout(300_000)

  let store: TestStore

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
    store = await makeStore({ env: { SNAP_ENGINE: 'link' } })
    await shellIn(store.data, fill)
  })

  after(() => store?.remove())

  /** True when it was killed before it had linked all. */
  async function isKilled(kind: string, when: number): Promise<boolean> {
    const daemon = startTraced(
      { args: ['start', store.spec], environment: { ...store.env, ...onlyPrelinks } },
      { calls: kind, fault: 'signal=SIGKILL', when },
    )
    const isReady = await daemon.printed(prelinkedIsReady).then(
      () => true,
      () => false,
    )
    daemon.signalAll('SIGTERM')
    await daemon.gone()
    return !isReady
  }

  async function expectRightSnapshot(what: string): Promise<void> {
    const older = store.snapshotNames().at(-1) ?? ''
    const before = walkTree(store.dataIn(older))
    await shellIn(store.data, 'echo $RANDOM > a/changing')
    const name = await store.snapshot()
    const differences = [
      ...compareTrees(walkTree(store.data), walkTree(store.dataIn(name))),
      ...compareTrees(before, walkTree(store.dataIn(older))),
    ]
    expect(differences, what).to.deep.equal([])
    expect([...store.leftIn('staging'), ...store.leftIn('trash')], what).to.deep.equal([])
    expect(readdirSync(storeLayout(store.directory).prelinked), what).to.deep.equal([])
  }

  for (const [kind, numbers] of Object.entries(calls)) {
    it(`at ${kind} leaves every snapshot as it was, and the next one is right`, async () => {
      await store.snapshot()
      let killed = 0
      for (let position = 0; ; position += 1) {
        const when = numbers === undefined ? position + 1 : numbers[position]
        if (when === undefined || !(await isKilled(kind, when))) break
        killed += 1
        await expectRightSnapshot(`${kind} ${when}`)
      }
      expect(killed).to.be.at.least(numbers?.length ?? 5)
      if (numbers !== undefined) expect(await isKilled(kind, moreThanThereAre)).to.equal(false)
      await expectRightSnapshot('the one after it')
    })
  }
})

import { lstatSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { OperationError } from '../../src/errors.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { prelink } from './support/prelinked.ts'
import { startSwapping, whyNoSwapper } from './support/swapper.ts'
import { describeSample, roundsOf } from '../support/sample.ts'

const rounds = roundsOf(20, 8)

/** What is outside has what `other` has, so that a path into the one leads into the other too. */
const fill = (word: string): string => `
mkdir -p still/deep more
for f in $(seq 40); do echo ${word}-$f > $f; done
cd still; for f in $(seq 250); do echo ${word} > $f; done
find .. -exec touch -h -d 2001-01-01 {} +`

const change =
  'cd other; for f in $(seq 5); do echo $RANDOM > $f; done; rm -f new; touch new more/new'

describeSample({ tests: 3 }, 'When somebody holds a prelinked directory open', function () {
  this.timeout(300_000)

  let store: InProcessStore
  let outside: string
  let untouched: Tree
  let stop: () => Promise<void>

  beforeEach(async () => {
    store = makeInProcessStore('link', 100)
    outside = join(store.data, '../outside')
    mkdirSync(outside)
    mkdirSync(join(store.data, 'other'))
    await shellIn(outside, fill('CANARY'))
    await shellIn(join(store.data, 'other'), fill('inside'))
    symlinkSync(outside, join(store.data, 'trap'))
    untouched = walkTree(outside)
    stop = () => Promise.resolve()
    await untilAllIsOld(store.data)
  })

  afterEach(async () => {
    await stop()
    await store.remove()
  })

  async function expectNothingHappenedOutside(tree: string): Promise<void> {
    expect(compareTrees(untouched, walkTree(outside))).to.deep.equal([])
    const { stdout } = await execa('grep', ['-rl', 'CANARY', tree], { reject: false })
    expect(stdout, 'what is outside is in the snapshot').to.equal('')
    expect(readdirSync(store.context.store.staging)).to.deep.equal([])
  }

  const ways: Record<string, [held: string, one: string, other: string]> = {
    'exchanges it for a link': ['.', 'other', 'trap'],
    'exchanges what is in it': ['other', 'still', '../trap'],
    'exchanges what is above it, through ..': ['other/still', '../../other', '../../trap'],
    'exchanges what is beside the one above it': ['other/still', '../more', '../../trap'],
  }

  for (const [way, [held, one, other]] of Object.entries(ways)) {
    for (const until of ['it is linked', 'the next one is taken']) {
      it(`and ${way} until ${until}, nothing outside is written or read, and that is right`, async function () {
        const reason = whyNoSwapper()
        if (reason !== undefined) skipBecause(this, reason)
        for (let round = 0; round < rounds; round += 1) {
          const before = await store.snapshot()
          stop = await startSwapping(join(store.dataIn(before.name), held), one, other)
          await prelink(store.context).catch((error: unknown) => {
            if (!(error instanceof OperationError)) throw error
          })
          if (until === 'it is linked') await stop()
          const prelinked = store.prelinkedOf('data')
          if (prelinked !== undefined) await expectNothingHappenedOutside(prelinked)
          await shellIn(store.data, change)
          const { name } = await store.snapshot()
          await stop()
          await expectNothingHappenedOutside(store.dataIn(name))
          expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
        }
      })
    }
  }

  it('what is staged is closed to others until it is published', async () => {
    const modes = new Set<number>()
    const { staging } = store.context.store
    store.context.emit = () => {
      for (const name of readdirSync(staging)) modes.add(lstatSync(join(staging, name)).mode)
    }
    const { name } = await store.snapshot()
    expect([...modes]).to.deep.equal([0o40700])
    expect(lstatSync(join(store.dataIn(name), '..')).mode).to.equal(0o40755)
  })
})

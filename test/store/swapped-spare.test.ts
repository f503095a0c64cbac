import { lstatSync, mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import type { ActionEvent } from '../../src/actions/events.ts'
import { findSpareModel, prepareSpare } from '../../src/actions/prepare-spare.ts'
import { OperationError } from '../../src/errors.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { startSwapping, whyNoSwapper } from './support/swapper.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

const rounds = 20

/** What is outside has what `other` has, so that a path into the one leads into the other too. */
const fill = (word: string): string => `
mkdir -p still/deep more
for f in $(seq 40); do echo ${word}-$f > $f; done
cd still; for f in $(seq 250); do echo ${word} > $f; done
find .. -exec touch -h -d 2001-01-01 {} +`

const change =
  'cd other; for f in $(seq 5); do echo $RANDOM > $f; done; rm -f new; touch new more/new'

describe('When somebody holds a directory of the spare open', function () {
  this.timeout(300_000)

  let store: InProcessStore
  let outside: string
  let untouched: Tree
  let events: ActionEvent[]
  let stop: () => Promise<void>

  beforeEach(async () => {
    store = makeInProcessStore('link', 2)
    events = []
    store.context.emit = (event) => events.push(event)
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

  /** Until there is one whose directories can be moved. */
  async function makeSpare(): Promise<string> {
    for (let count = 0; count < 3; count += 1) await store.snapshot()
    return store.spareOf('data') ?? expect.fail('there is no spare')
  }

  async function expectNothingHappenedOutside(name: string): Promise<void> {
    expect(compareTrees(untouched, walkTree(outside))).to.deep.equal([])
    const { stdout } = await execa('grep', ['-rl', 'CANARY', store.dataIn(name)], { reject: false })
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
    it(`and ${way}, nothing outside is written or read, and every snapshot is taken`, async function () {
      const reason = whyNoSwapper()
      if (reason !== undefined) skipBecause(this, reason)
      let moved = 0
      const leastMoved = held === 'other/still' ? 1 : 0
      for (let round = 0; round < rounds || moved < leastMoved; round += 1) {
        const spare = await makeSpare()
        const inode = lstatSync(join(spare, 'other/still')).ino
        await shellIn(store.data, change)
        stop = await startSwapping(join(spare, held), one, other)
        const { name } = await store.snapshot()
        await stop()
        const { stdout } = await execa('find', [store.dataIn(name), '-inum', String(inode)])
        if (stdout !== '') moved += 1
        await expectNothingHappenedOutside(name)
      }
    })
  }

  const changes: Record<string, (spare: string) => void> = {
    'a link to elsewhere is in the place of what is to be moved': (spare) => {
      renameSync(join(spare, 'other/still'), join(spare, 'aside'))
      symlinkSync(join(outside, 'still'), join(spare, 'other/still'))
    },
    'another directory is in the place of what is to be moved': (spare) => {
      renameSync(join(spare, 'other/still'), join(spare, 'aside'))
      mkdirSync(join(spare, 'other/still'))
    },
    'a link is in the place of the directory above': (spare) => {
      renameSync(join(spare, 'other'), join(spare, 'aside'))
      symlinkSync(outside, join(spare, 'other'))
    },
    'it went': (spare) => renameSync(join(spare, 'other'), join(spare, 'aside')),
  }

  for (const [what, act] of Object.entries(changes)) {
    it(`and ${what} after the scan, the snapshot is taken without it, and told of`, async () => {
      const spare = await makeSpare()
      await shellIn(store.data, change)
      let isDone = false
      store.context.emit = (event) => {
        events.push(event)
        // the scan has ended when rsync copies
        if (isDone || event.type !== 'progress' || event.bytes === 0) return
        act(spare)
        isDone = true
      }
      const { name, warnings } = await store.snapshot()
      expect(isDone).to.equal(true)
      expect(warnings).to.deep.equal([])
      expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
      const told = events.filter(({ type }) => type === 'warning')
      expect(told).to.have.length(1).and.to.have.nested.property('0.code', 'spare')
      await expectNothingHappenedOutside(name)
    })
  }

  it('of the snapshot that a copy is made of in advance, nothing outside gets into it, nor into the next one', async function () {
    const reason = whyNoSwapper()
    if (reason !== undefined) skipBecause(this, reason)
    const { context } = store
    context.config.maxSnapshots = 100
    let made = 0
    for (let round = 0; round < rounds; round += 1) {
      const before = await store.snapshot()
      const model = findSpareModel(context.store) ?? expect.fail('there is no model')
      const held = round % 2 === 0 ? '.' : 'other'
      const [one, other] = held === '.' ? ['other', 'trap'] : ['still', '../trap']
      stop = await startSwapping(join(store.dataIn(before.name), held), one, other)
      const isMade = await prepareSpare(context, model).catch((error: unknown) => {
        if (error instanceof OperationError) return false
        throw error
      })
      await stop()
      if (isMade) made += 1
      await shellIn(store.data, change)
      await expectNothingHappenedOutside((await store.snapshot()).name)
    }
    expect(made, 'of trees that were changed meanwhile').to.equal(0)
  })

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

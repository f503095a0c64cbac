import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { type Background, createBackground } from '../../src/service/background.ts'
import { type SpareKeeper, createSpareKeeper } from '../../src/service/spare-keeper.ts'
import { acquireLock } from '../../src/store/lock.ts'
import { dropSpares } from '../../src/store/spare.ts'
import { createLog } from '../../src/system/log.ts'
import { shellIn } from '../support/shell.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

describe('What keeps a spare prepared', () => {
  let store: InProcessStore
  let ended: AbortController
  let background: Background
  let spares: SpareKeeper
  let lines: string[]

  beforeEach(async () => {
    store = makeInProcessStore('link', 100)
    await shellIn(store.data, 'mkdir many; cd many; seq 400 | xargs touch')
    await untilAllIsOld(store.data)
    await store.snapshot()
    ended = new AbortController()
    lines = []
    const log = createLog({
      level: 'debug',
      json: false,
      now: () => new Date(),
      write: (line) => void lines.push(line),
    })
    background = createBackground(ended.signal, log)
    spares = createSpareKeeper(store.context, background, log)
  })

  afterEach(async () => {
    await background.stop()
    await store.remove()
  })

  const isThere = (): boolean => store.spareOf('data') !== undefined

  async function expectSpare(): Promise<void> {
    for (let attempt = 0; attempt < 200 && !isThere(); attempt += 1) await sleep(20)
    expect(isThere(), lines.join('')).to.equal(true)
  }

  async function expectNone(): Promise<void> {
    await sleep(500)
    expect(isThere(), lines.join('')).to.equal(false)
  }

  it('makes one', async () => {
    spares.prepare()
    await expectSpare()
  })

  it('makes none while a snapshot is taken, and one for the next', async () => {
    await spares.standAside(async () => {
      spares.prepare()
      await expectNone()
      await store.snapshot()
    })
    await expectSpare()
  })

  it('gives one up that is under way when a snapshot is due', async () => {
    spares.prepare()
    await spares.standAside(async () => {
      expect(isThere()).to.equal(false)
      await store.snapshot()
    })
    await expectSpare()
    expect(readdirSync(store.context.store.unfinishedSpare)).to.deep.equal([])
  })

  it('makes none of a snapshot twice, such as after one was taken back', async () => {
    spares.prepare()
    await expectSpare()
    dropSpares(store.context.store)
    spares.prepare()
    await expectNone()
    await spares.standAside(async () => void (await store.snapshot()))
    await expectSpare()
  })

  it('tries again when another one had a lock', async () => {
    const { spareLock } = store.context.store
    const lock = await acquireLock(spareLock, { timeoutMs: 0, purpose: 'test' })
    spares.prepare()
    await expectNone()
    lock.release()
    spares.prepare()
    await expectSpare()
  })

  it('makes none any more when three in a row were not ready for a snapshot', async () => {
    spares.prepare()
    for (let late = 0; late < 3; late += 1) await spares.standAside(() => Promise.resolve())
    await expectNone()
  })

  it('makes one when only two were not ready', async () => {
    spares.prepare()
    for (let late = 0; late < 2; late += 1) await spares.standAside(() => Promise.resolve())
    await expectSpare()
  })
})

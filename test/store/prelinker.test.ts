import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { type Background, createBackground } from '../../src/daemon/background.ts'
import { type Prelinker, createPrelinker } from '../../src/daemon/prelinker.ts'
import { acquireLock } from '../../src/store/lock.ts'
import { discardPrelinked, lockPrelinked } from '../../src/store/prelinked.ts'
import { createLog } from '../../src/system/log.ts'
import { shellIn } from '../support/shell.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'

const longestMs = 20_000

describe('What links the newest snapshot in advance', () => {
  let store: InProcessStore
  let ended: AbortController
  let background: Background
  let prelinker: Prelinker
  let lines: string[]

  beforeEach(async () => {
    store = makeInProcessStore('link', 100)
    await shellIn(store.data, 'mkdir many; cd many; seq 2000 | xargs touch')
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
    prelinker = createPrelinker(store.context, background, log)
  })

  afterEach(async () => {
    await background.stop()
    await store.remove()
  })

  const isReady = (name: string): boolean =>
    lines.some((line) => line.includes(`a copy of ${name} ready`))

  const failures = (): number => lines.filter((line) => line.includes('was not linked')).length

  const newest = (): string => store.snapshotNames().at(-1) ?? ''

  async function expectReady(): Promise<void> {
    const endsMs = Date.now() + longestMs
    while (!isReady(newest()) && Date.now() < endsMs) await sleep(20)
    expect(isReady(newest()), lines.join('')).to.equal(true)
    expect(store.prelinkedOf('data')).to.include(newest().slice(1))
  }

  /** Whatever it had begun is done when another thing that nobody waits for is. */
  async function untilNothingIsUnderWay(): Promise<void> {
    await background.stop()
  }

  it('links it', async () => {
    prelinker.refresh()
    await expectReady()
  })

  it('links none while the store is written, and then what is the newest', async () => {
    await prelinker.pauseWhile(async () => {
      prelinker.refresh()
      await store.snapshot()
      expect(store.prelinkedOf('data')).to.equal(undefined)
    })
    await expectReady()
    expect(lines.filter((line) => line.includes(' ready'))).to.have.length(1)
  })

  it('gives up what is under way when the store is to be written, and leaves what it made to that', async () => {
    prelinker.refresh()
    while (store.prelinkedOf('data') === undefined) await sleep(1)
    await prelinker.pauseWhile(async () => {
      // nobody holds it any more
      const lock = await lockPrelinked(store.context.store)
      lock.release()
      expect(isReady(newest())).to.equal(false)
      const { ino } = lstatSync(store.prelinkedOf('data') ?? '')
      const { name } = await store.snapshot()
      expect(lstatSync(store.dataIn(name)).ino).to.equal(ino)
    })
    await expectReady()
  })

  it('gives what it is paused for its result, and its error', async () => {
    expect(await prelinker.pauseWhile(() => Promise.resolve(7))).to.equal(7)
    const failing = prelinker.pauseWhile(() => Promise.reject(new Error('written')))
    const error = await failing.catch((thrown: unknown) => thrown)
    expect(error).to.have.property('message', 'written')
    await expectReady()
  })

  it('waits until the last of several that write has written', async () => {
    const gate = Promise.withResolvers<void>()
    const first = prelinker.pauseWhile(() => gate.promise)
    await prelinker.pauseWhile(() => Promise.resolve())
    expect(store.prelinkedOf('data')).to.equal(undefined)
    gate.resolve()
    await first
    await expectReady()
  })

  it('links a snapshot again when its links were discarded', async () => {
    prelinker.refresh()
    await expectReady()
    await discardPrelinked(store.context.store)
    lines.length = 0
    prelinker.refresh()
    await expectReady()
  })

  it('tries again when another process linked', async () => {
    const lock = await lockPrelinked(store.context.store)
    prelinker.refresh()
    await prelinker.pauseWhile(() => Promise.resolve())
    lock.release()
    await expectReady()
  })

  it('leaves the store alone while another process writes it', async () => {
    const lock = await acquireLock(store.context.store.lock, { timeoutMs: 0, purpose: 'test' })
    prelinker.refresh()
    await untilNothingIsUnderWay()
    expect(readdirSync(store.context.store.prelinked)).to.deep.equal([])
    lock.release()
  })

  it('tries a snapshot once that it cannot link, and the next one', async () => {
    const { prelinked } = store.context.store
    await shellIn(prelinked, 'chattr +i .')
    try {
      prelinker.refresh()
      for (const endsMs = Date.now() + longestMs; failures() === 0 && Date.now() < endsMs;) {
        await sleep(20)
      }
    } finally {
      await shellIn(prelinked, 'chattr -i .')
    }
    await prelinker.pauseWhile(() => Promise.resolve())
    prelinker.refresh()
    await prelinker.pauseWhile(async () => void (await store.snapshot()))
    await expectReady()
    expect(failures()).to.equal(1)
  })

  it('ends with the daemon', async () => {
    prelinker.refresh()
    while (store.prelinkedOf('data') === undefined) await sleep(1)
    await background.stop()
    const lock = await lockPrelinked(store.context.store)
    lock.release()
    expect(isReady(newest())).to.equal(false)
    expect(readdirSync(join(store.context.store.prelinked, newest().slice(1)))).to.deep.equal([
      'data',
    ])
  })
})

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  type ActionContext,
  type BesideWork,
  asWriter,
  readStoreConfig,
} from '../../../src/actions/context.ts'
import { noRules } from '../../../src/config/keep-rules.ts'
import { readSettings } from '../../../src/config/settings.ts'
import { UsageError } from '../../../src/errors.ts'
import type { StoreLayout } from '../../../src/store/layout.ts'
import { createStore } from '../../../src/store/open.ts'
import { readSavedConfig, writeSavedConfig } from '../../../src/store/saved-config.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('readStoreConfig', () => {
  const directory = useTemporaryDirectory()
  let store: StoreLayout

  beforeEach(() => {
    store = createStore(directory.path)
    writeSavedConfig(store, {
      schema: 1,
      volumes: [{ id: 'a', path: '/srv/a' }],
      cron: '0 4 * * *',
      checksumCron: '0 5 * * 0',
      changeLimit: 80,
      timeZone: 'Asia/Tokyo',
      maxSnapshots: 7,
      prune: 'always',
      engine: 'rsync',
      exclude: ['*.tmp', 'a:cache/'],
      onUnreadable: 'fail',
      quiesce: 'none',
      hasDockerApi: false,
      storeAbilities: { lacks: ['owners'], mtimeStepNs: 100 },
      startedAt: '2026-11-20T03:00:00.000Z',
      program: '0.1.0',
    })
  })

  it('is what the last start said', () => {
    expect(readStoreConfig(store, readSettings({}))).to.deep.equal({
      volumes: [{ id: 'a', path: '/srv/a' }],
      maxSnapshots: 7,
      prune: 'always',
      engine: 'rsync',
      exclude: ['*.tmp', 'a:cache/'],
      onUnreadable: 'fail',
      quiesce: 'none',
      hasDockerApi: false,
      cron: '0 4 * * *',
      checksumCron: '0 5 * * 0',
      changeLimit: 80,
      timeZone: 'Asia/Tokyo',
      abilities: { lacks: ['owners'], mtimeStepNs: 100 },
    })
  })

  it('is what the own environment says where it says something', () => {
    const config = readStoreConfig(store, readSettings({ SNAP_MAX: '128', SNAP_ENGINE: 'auto' }))
    expect([config.maxSnapshots, config.engine]).to.deep.equal([128, 'auto'])
  })

  const keepOf = (environment: Record<string, string>) =>
    readStoreConfig(store, readSettings(environment)).keep

  describe('of SNAP_KEEP_*', () => {
    it('is nothing where neither names any', () => {
      expect(keepOf({ SNAP_MAX: '3' })).to.equal(undefined)
    })

    it('is what the own environment names, with SNAP_MAX as its cap', () => {
      expect(keepOf({ SNAP_KEEP_DAILY: '7' })).to.deep.equal({ rules: { ...noRules, daily: 7 } })
      expect(keepOf({ SNAP_KEEP_DAILY: '7', SNAP_MAX: '30' })?.cap).to.equal(30)
    })

    it('is else what the last start named', () => {
      const rules = { ...noRules, hourly: 24 }
      writeSavedConfig(store, { ...readSavedConfig(store), keep: { rules, cap: 100 } })
      expect(keepOf({})).to.deep.equal({ rules, cap: 100 })
      expect(keepOf({ SNAP_MAX: '3' })).to.deep.equal({ rules, cap: 3 })
      expect(keepOf({ SNAP_KEEP_LAST: '2' })?.rules).to.deep.equal({ ...noRules, last: 2 })
    })
  })

  it('refuses patterns of its own environment for a volume that there is not', () => {
    const settings = readSettings({ SNAP_EXCLUDE: 'b:*.tmp' })
    expect(() => readStoreConfig(store, settings)).to.throw(UsageError, 'there is no volume b')
  })

  it('leaves the schedule to the daemon that runs it', () => {
    const config = readStoreConfig(store, readSettings({ SNAP_CRON: '* * * * *', SNAP_TZ: 'UTC' }))
    expect([config.cron, config.timeZone]).to.deep.equal(['0 4 * * *', 'Asia/Tokyo'])
  })
})

describe('asWriter', () => {
  const directory = useTemporaryDirectory()

  async function removeOne(beside: BesideWork): Promise<string> {
    const store = createStore(directory.path)
    const removed = join(store.trash, 'removed')
    const context = { store, lockTimeoutMs: 0, emit: () => undefined, ...beside }
    await asWriter(context as unknown as ActionContext, 'test', async () =>
      Promise.resolve(mkdirSync(removed)),
    )
    return removed
  }

  it('deletes what was removed', async () => {
    expect(existsSync(await removeOne({}))).to.equal(false)
  })

  it('has what was removed deleted beside the work where that is done', async () => {
    let asked = 0
    const deleteBeside = (): void => void (asked += 1)
    expect(existsSync(await removeOne({ deleteBeside }))).to.equal(true)
    expect(asked).to.equal(1)
  })

  it('holds off whoever links in advance while it writes', async () => {
    const order: string[] = []
    await removeOne({
      deleteBeside: () => void order.push('written'),
      pausePrelinking: async (work) => {
        order.push('held off')
        const result = await work()
        order.push('let go')
        return result
      },
    })
    expect(order).to.deep.equal(['held off', 'written', 'let go'])
  })
})

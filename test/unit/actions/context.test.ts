import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type ActionContext, asWriter, readStoreConfig } from '../../../src/actions/context.ts'
import { readSettings } from '../../../src/config/settings.ts'
import type { StoreLayout } from '../../../src/store/layout.ts'
import { createStore } from '../../../src/store/open.ts'
import { writeSavedConfig } from '../../../src/store/saved-config.ts'
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
      timeZone: 'Asia/Tokyo',
      maxSnapshots: 7,
      engine: 'rsync',
      quiesce: 'none',
      startedAt: '2026-11-20T03:00:00.000Z',
      program: '0.1.0',
    })
  })

  it('is what the last start said', () => {
    expect(readStoreConfig(store, readSettings({}))).to.deep.equal({
      volumes: [{ id: 'a', path: '/srv/a' }],
      maxSnapshots: 7,
      engine: 'rsync',
      quiesce: 'none',
      cron: '0 4 * * *',
      checksumCron: '0 5 * * 0',
      timeZone: 'Asia/Tokyo',
    })
  })

  it('is what the own environment says where it says something', () => {
    const config = readStoreConfig(store, readSettings({ SNAP_MAX: '128', SNAP_ENGINE: 'auto' }))
    expect([config.maxSnapshots, config.engine]).to.deep.equal([128, 'auto'])
  })

  it('leaves the schedule to the daemon that runs it', () => {
    const config = readStoreConfig(store, readSettings({ SNAP_CRON: '* * * * *', SNAP_TZ: 'UTC' }))
    expect([config.cron, config.timeZone]).to.deep.equal(['0 4 * * *', 'Asia/Tokyo'])
  })
})

describe('asWriter', () => {
  const directory = useTemporaryDirectory()

  it('leaves the deletion of what is removed to the background where there is one', async () => {
    const store = createStore(directory.path)
    const removed = join(store.trash, 'removed')
    let deletion: Promise<void> | undefined
    const context = {
      store,
      lockTimeoutMs: 0,
      emit: () => undefined,
      inBackground: (work: (signal: AbortSignal) => Promise<void>) =>
        (deletion = work(new AbortController().signal)),
    } as unknown as ActionContext
    await asWriter(context, 'test', async () => Promise.resolve(mkdirSync(removed)))
    expect(existsSync(removed)).to.equal(true)
    await deletion
    expect(existsSync(removed)).to.equal(false)
  })
})

import { statSync, utimesSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { readHeartbeat, removeHeartbeat, writeHeartbeat } from '../../../src/store/heartbeat.ts'
import { createStore } from '../../../src/store/open.ts'
import type { StoreLayout } from '../../../src/store/layout.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('the heartbeat of a daemon', () => {
  const directory = useTemporaryDirectory()
  const startedAt = '2026-11-20T03:00:00.000Z'
  const heartbeat = { startedAt, running: null }
  let store: StoreLayout

  beforeEach(() => {
    store = createStore(directory.path)
  })

  it('is read as it was written, for nobody else to read', () => {
    writeHeartbeat(store, 'healthy: ok', heartbeat)
    expect(readHeartbeat(store, new Date())).to.deep.equal(heartbeat)
    expect(statSync(store.heartbeat).mode & 0o777).to.equal(0o600)
  })

  it('is none when it is two minutes old', () => {
    writeHeartbeat(store, 'healthy: ok', heartbeat)
    const { mtimeMs } = statSync(store.heartbeat)
    expect(readHeartbeat(store, new Date(mtimeMs + 119_000))).not.to.equal(undefined)
    expect(readHeartbeat(store, new Date(mtimeMs + 121_000))).to.equal(undefined)
  })

  it('is none when it is of the future: the clock was set back after its daemon was gone', () => {
    writeHeartbeat(store, 'healthy: ok', heartbeat)
    const { mtimeMs } = statSync(store.heartbeat)
    expect(readHeartbeat(store, new Date(mtimeMs - 10_000))).not.to.equal(undefined)
    expect(readHeartbeat(store, new Date(mtimeMs - 121_000))).to.equal(undefined)
  })

  it('keeps the verdict on one line', () => {
    writeHeartbeat(store, 'healthy: warning:\nx\n', heartbeat)
    expect(readHeartbeat(store, new Date())).to.deep.equal(heartbeat)
  })

  it('says that a daemon of an older version lives', () => {
    writeFileSync(store.heartbeat, '')
    utimesSync(store.heartbeat, 1000, 1000)
    expect(readHeartbeat(store, new Date(1_000_000))?.startedAt).to.equal(
      '1970-01-01T00:16:40.000Z',
    )
  })

  it('is gone with the daemon', () => {
    writeHeartbeat(store, 'healthy: ok', heartbeat)
    removeHeartbeat(store)
    expect(readHeartbeat(store, new Date())).to.equal(undefined)
  })
})

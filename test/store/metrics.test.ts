import { expect } from 'chai'
import type { Daemon, Environment } from '../support/cli.ts'
import { freePort } from '../support/free-port.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

describe('Metrics and health', () => {
  let store: TestStore
  let daemon: Daemon | undefined
  let url: string

  async function start(env: Environment): Promise<Daemon> {
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    daemon = await store.startDaemon({
      env: { SNAP_TOKEN: 'a-token-of-these-tests', SNAP_LISTEN: `127.0.0.1:${port}`, ...env },
    })
    return daemon
  }

  beforeEach(async () => {
    store = await makeStore()
  })

  afterEach(async () => {
    await daemon?.stop()
    daemon = undefined
    await store.remove()
  })

  for (const path of ['/healthz', '/metrics']) {
    it(`keep no snapshot from the lock, however often ${path} is asked for`, async () => {
      const { output } = await start({ SNAP_CRON: '* * * * * *', SNAP_LOCK_TIMEOUT: '3s' })
      const floodEnd = performance.now() + 10_000
      const ask = async (): Promise<void> => {
        while (performance.now() < floodEnd) await (await fetch(url + path)).arrayBuffer()
      }
      await Promise.all(Array.from({ length: 40 }, ask))
      expect(output()).not.to.match(/waiting for the store|the store is busy/)
      expect(store.snapshotNames()).to.have.length.above(3)
    })
  }
})

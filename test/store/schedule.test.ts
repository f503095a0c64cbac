import { expect } from 'chai'
import { type Daemon, lastDocumentOf } from '../support/cli.ts'
import { holdLock } from '../support/hold-lock.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

const everySecond = '* * * * * *'
const neverSoon = '0 3 1 1 *'

describe('The schedule', () => {
  let store: TestStore
  let daemon: Daemon | undefined

  beforeEach(async () => {
    store = await makeStore({ env: { SNAP_CRON: neverSoon } })
  })

  afterEach(async () => {
    await daemon?.stop()
    await store.remove()
  })

  async function start(env: Record<string, string>): Promise<Daemon> {
    daemon = await store.startDaemon({ env })
    return daemon
  }

  it('takes snapshots by itself, one after the other', async () => {
    const { line } = await start({ SNAP_CRON: everySecond })
    const first = await line(/ snapshot @GMT-/)
    const name = /@GMT-\S+\d/.exec(first)?.[0] ?? ''
    await line(new RegExp(` snapshot @GMT-(?!${name.slice(5)})`))
    expect(store.snapshotNames().length).to.be.at.least(2)
  })

  it('takes one at once with SNAP_ON_START', async () => {
    const { line } = await start({ SNAP_ON_START: 'true' })
    await line(/ snapshot @GMT-/)
    expect(store.snapshotNames()).to.have.length(1)
  })

  it('takes none at the start without SNAP_ON_START', async () => {
    const { stop } = await start({})
    await stop()
    expect(store.snapshotNames()).to.deep.equal([])
  })

  it('skips a run while the one before is under way, and says so', async () => {
    const { line } = await start({ SNAP_CRON: everySecond })
    const held = await holdLock(store.directory)
    try {
      await line(/ run skipped: the one before is still under way/)
    } finally {
      await held.release()
    }
  })

  it('prunes to SNAP_MAX as it goes', async () => {
    const { line } = await start({ SNAP_CRON: everySecond, SNAP_MAX: '1' })
    await line(/ removed @GMT-\S+: older than the newest 1/)
    await daemon?.stop()
    expect(store.snapshotNames()).to.have.length(1)
  })

  it('goes on after a run that failed', async () => {
    await store.snapshot()
    const { line } = await start({ SNAP_CRON: everySecond, SNAP_LOCK_TIMEOUT: '0' })
    const held = await holdLock(store.directory)
    await line(/ error no snapshot was taken: the store is busy/)
    await held.release()
    await line(/ snapshot @GMT-/)
  })

  it('tells the next run in its log, in show -a and in its JSON', async () => {
    const { line } = await start({ SNAP_CRON: '0 3 * * *' })
    const next = /next run (\S+T03:00:00\.000Z)/.exec(await line(/next run/))?.[1] ?? 'none'
    const { stdout } = await store.run(['show', '-a'])
    const document = lastDocumentOf(await store.run(['show', '--json']))
    expect(stdout).to.include(`next run     ${next} (in `)
    expect(document['daemon']).to.deep.equal({ running: true, nextRun: next })
  })

  it('is in the time zone of SNAP_TZ', async () => {
    const { line } = await start({ SNAP_CRON: '0 3 * * *', SNAP_TZ: 'Asia/Tokyo' })
    expect(await line(/next run/)).to.match(/\(Asia\/Tokyo\), next run \S+T18:00:00\.000Z/)
  })

  it('is said to be nobody’s in show -a once the daemon has stopped', async () => {
    const { stop } = await start({})
    await stop()
    const { stdout } = await store.run(['show', '-a'])
    expect(stdout).to.include('none: no daemon runs')
  })

  it('ends on SIGTERM with exit code 0, at once', async () => {
    const { stop } = await start({})
    const begun = performance.now()
    expect(await stop()).to.equal(0)
    expect(performance.now() - begun).to.be.below(2000)
  })

  it('ends on SIGTERM with exit code 0 while a run waits for the lock', async () => {
    const { line, stop } = await start({ SNAP_CRON: everySecond })
    const held = await holdLock(store.directory)
    try {
      await line(/waiting for the store/)
      expect(await stop()).to.equal(0)
    } finally {
      await held.release()
    }
  })
})

import { lstatSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { Daemon, Environment } from '../support/cli.ts'
import { freePort } from '../support/free-port.ts'
import { holdLock } from '../support/hold-lock.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

const everySecond = '* * * * * *'
const neverSoon = '0 3 1 1 *'

type Samples = Record<string, number>

/** The text of a scrape, without the prefix of all names. */
function parseSamples(text: string): Samples {
  return Object.fromEntries(
    [...text.matchAll(/^snap_volume_(\S+) (\S+)$/gm)].map(([, name = '', value]) => [
      name,
      Number(value),
    ]),
  )
}

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

  async function scrape(): Promise<Samples> {
    return parseSamples(await (await fetch(`${url}/metrics`)).text())
  }

  /** Waits until the metrics have these values; shows what they have instead. */
  async function expectSamples(expected: Samples): Promise<void> {
    const deadline = performance.now() + 20_000
    for (;;) {
      const samples = await scrape()
      const found = Object.fromEntries(Object.keys(expected).map((name) => [name, samples[name]]))
      if (performance.now() > deadline) expect(found).to.deep.equal(expected)
      if (Object.entries(expected).every(([name, value]) => found[name] === value)) return
      await sleep(100)
    }
  }

  const failuresBy = async (cause: string): Promise<number> =>
    (await scrape())[`failures_total{cause="${cause}"}`] ?? 0

  beforeEach(async () => {
    store = await makeStore()
  })

  afterEach(async () => {
    await daemon?.stop()
    daemon = undefined
    await store.remove()
  })

  it('have every series that can grow from the start, so that its first growth is seen', async () => {
    await start({ SNAP_CRON: neverSoon })
    const samples = await scrape()
    const zeros: Samples = {
      skipped_runs_total: 0,
      missed_runs_total: 0,
      removed_snapshots_total: 0,
      'added_bytes_total{volume="data"}': 0,
      'added_files_total{volume="data"}': 0,
      run_duration_seconds_count: 0,
    }
    for (const reason of ['schedule', 'checksum', 'start', 'catch-up']) {
      for (const code of [0, 1, 3, 75]) {
        zeros[`runs_total{reason="${reason}",exit_code="${code}"}`] = 0
      }
    }
    for (const cause of ['busy', 'source', 'space', 'io', 'hook', 'other']) {
      zeros[`failures_total{cause="${cause}"}`] = 0
    }
    for (const phase of ['lock', 'copy', 'publish', 'prune']) {
      zeros[`phase_duration_seconds_count{phase="${phase}"}`] = 0
    }
    expect(samples).to.include(zeros)
  })

  it('tell of a run that succeeds, and what its snapshot is like', async () => {
    await start({ SNAP_CRON: neverSoon, SNAP_ON_START: 'true' })
    await expectSamples({
      'runs_total{reason="start",exit_code="0"}': 1,
      run_duration_seconds_count: 1,
      'phase_duration_seconds_count{phase="copy"}': 1,
      'snapshot_entries{volume="data",kind="files"}': 1,
      'snapshot_bytes{volume="data"}': 6,
      'added_files_total{volume="data"}': 1,
      'added_bytes_total{volume="data"}': lstatSync(join(store.data, 'hello.txt')).blocks * 512,
      snapshots: 1,
      failures_in_a_row: 0,
      health: 0,
    })
  })

  it('tell of a run that fails for its empty source', async () => {
    await store.snapshot()
    await rm(join(store.data, 'hello.txt'))
    await start({ SNAP_CRON: neverSoon, SNAP_ON_START: 'true' })
    await expectSamples({
      'runs_total{reason="start",exit_code="1"}': 1,
      'runs_total{reason="start",exit_code="0"}': 0,
      'failures_total{cause="source"}': 1,
      'failures_total{cause="other"}': 0,
      failures_in_a_row: 1,
      snapshots: 1,
      health: 1,
    })
  })

  it('tell of a run whose source is gone, or whose hook fails', async () => {
    await start({ SNAP_CRON: everySecond, SNAP_PRE_SNAPSHOT: `test -e ${store.data}/hello.txt` })
    await rm(join(store.data, 'hello.txt'))
    await until('a failed hook', async () => (await failuresBy('hook')) > 0)
    await rm(store.data, { recursive: true })
    await until('a missing source', async () => (await failuresBy('source')) > 0)
    expect(await failuresBy('other')).to.equal(0)
  })

  it('tell of a run that is given up because the store is busy', async () => {
    const { line } = await start({ SNAP_CRON: everySecond, SNAP_LOCK_TIMEOUT: '0' })
    const held = await holdLock(store.directory)
    try {
      await line(/ no snapshot was taken: the store is busy/)
    } finally {
      await held.release()
    }
    await line(/ snapshot @GMT-/)
    const samples = await scrape()
    expect(samples['failures_total{cause="busy"}']).to.be.at.least(1)
    expect(samples['runs_total{reason="schedule",exit_code="75"}']).to.equal(
      samples['failures_total{cause="busy"}'],
    )
  })

  it('tell of runs that are skipped', async () => {
    const { output } = await start({ SNAP_CRON: everySecond, SNAP_PRE_SNAPSHOT: 'sleep 30' })
    const skipped = (): number => output().split(' run skipped').length - 1
    await until('skipped runs', async () => skipped() > 1)
    const before = skipped()
    expect((await scrape())['skipped_runs_total']).to.be.within(before, before + 1)
  })

  it('tell of what retention removed', async () => {
    await store.snapshot()
    await store.snapshot()
    await start({
      SNAP_CRON: neverSoon,
      SNAP_ON_START: 'true',
      SNAP_MAX: '1',
      SNAP_PRUNE: 'always',
    })
    await expectSamples({ removed_snapshots_total: 2, snapshots: 1 })
  })

  for (const path of ['/healthz', '/metrics']) {
    it(`keep no snapshot from the lock, however often ${path} is asked for`, async () => {
      const { output } = await start({ SNAP_CRON: everySecond, SNAP_LOCK_TIMEOUT: '3s' })
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

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`20 s passed without ${what}`)
    await sleep(100)
  }
}

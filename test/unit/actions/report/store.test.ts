import { utimesSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { type StoreDescription, describeStore } from '../../../../src/actions/report/store.ts'
import { readSettings } from '../../../../src/config/settings.ts'
import type { StoreLayout } from '../../../../src/store/layout.ts'
import { acquireLock } from '../../../../src/store/lock.ts'
import { createStore } from '../../../../src/store/open.ts'
import { writeRestoreJournal } from '../../../../src/store/restore-journal.ts'
import { readSavedConfig, writeSavedConfig } from '../../../../src/store/saved-config.ts'
import { writeNextRun } from '../../../../src/store/schedule-state.ts'
import { plantSnapshot } from '../../support/snapshots.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

const now = new Date('2026-11-20T12:00:00Z')
const name = '@GMT-2026.11.20-03.00.00'

describe('describeStore', () => {
  const directory = useTemporaryDirectory()
  let store: StoreLayout

  beforeEach(() => {
    store = createStore(directory.path)
    writeSavedConfig(store, {
      schema: 1,
      volumes: [{ id: 'data', path: '/srv/data' }],
      cron: '0 3 * * *',
      checksumCron: '',
      changeLimit: 90,
      timeZone: 'GMT',
      maxSnapshots: 7,
      prune: 'careful',
      engine: 'auto',
      exclude: [],
      onUnreadable: 'fail',
      quiesce: 'none',
      hasDockerApi: false,
      storeAbilities: { lacks: [], mtimeStepNs: 1 },
      startedAt: '2026-11-20T03:00:00.000Z',
      program: '0.1.0',
    })
  })

  const describeNow = async (): Promise<StoreDescription> =>
    describeStore(store, readSettings({}), now)

  it('has no problems with a good store', async () => {
    plantSnapshot(store, name)
    expect((await describeNow()).problems).to.deep.equal([])
  })

  it('tells the record of every snapshot', async () => {
    plantSnapshot(store, name, { comment: 'hello' })
    expect((await describeNow()).snapshots.map(({ comment }) => comment)).to.deep.equal(['hello'])
  })

  it('tells where each volume lands', async () => {
    expect((await describeNow()).config?.volumes[0]?.storedAs).to.equal(
      `${directory.path}/@GMT-YYYY.MM.DD-hh.mm.ss/data`,
    )
  })

  it('tells what each volume is copied without', async () => {
    const volumes = [
      { id: 'data', path: '/srv/data' },
      { id: 'db', path: '/srv/db' },
    ]
    const exclude = ['*.tmp', 'db:/cache/']
    writeSavedConfig(store, { ...readSavedConfig(store), volumes, exclude })
    const told = (await describeNow()).config?.volumes.map((volume) => volume.exclude)
    expect(told).to.deep.equal([['*.tmp'], ['*.tmp', '/cache/']])
  })

  it('tells the engine of a volume that cannot be looked at', async () => {
    const path = `${store.config}/below-a-file`
    writeSavedConfig(store, { ...readSavedConfig(store), volumes: [{ id: 'data', path }] })
    expect((await describeNow()).config?.volumes[0]?.engine).to.equal('auto')
  })

  it('shows the snapshots of a store whose configuration is broken, and says so', async () => {
    plantSnapshot(store, name)
    writeFileSync(store.config, 'x')
    const { snapshots, config, problems } = await describeNow()
    expect([snapshots.length, config]).to.deep.equal([1, undefined])
    expect(problems[0]).to.include('config.json cannot be used')
  })

  it('says that a restore was cut off', async () => {
    writeRestoreJournal(store, {
      schema: 1,
      snapshot: name,
      safety: name,
      undo: false,
      volumes: [{ id: 'data', path: '/srv/data' }],
      startedAt: '2026-11-20T09:00:00.000Z',
      finishedAt: null,
    })
    expect((await describeNow()).problems[0]).to.include('was cut off')
  })

  it('says that the journal of a restore cannot be read', async () => {
    writeFileSync(store.restoreJournal, 'x')
    expect((await describeNow()).problems[0]).to.include('a restore may have been cut off')
  })

  it('says which record is damaged', async () => {
    plantSnapshot(store, name, 'x')
    expect((await describeNow()).problems[0]).to.include(`the record of ${name} is damaged`)
  })

  it('tells the next run', async () => {
    writeNextRun(store, new Date('2026-11-21T03:00:00Z'))
    expect((await describeNow()).daemon.nextRun).to.equal('2026-11-21T03:00:00.000Z')
  })

  it('goes on when the note of the next run is broken', async () => {
    writeFileSync(store.schedule, '{"nextRun":"2026-11-20T03:00:00+05"}')
    expect((await describeNow()).daemon.nextRun).to.equal(null)
  })

  const beats: [agoMs: number, running: boolean][] = [
    [0, true],
    [60_000, true],
    [300_000, false],
  ]
  for (const [agoMs, running] of beats) {
    it(`takes a heartbeat ${agoMs / 1000} s old for ${running ? 'a running' : 'no'} daemon`, async () => {
      writeFileSync(store.heartbeat, '')
      const beat = new Date(now.getTime() - agoMs)
      utimesSync(store.heartbeat, beat, beat)
      const lock = await acquireLock(store.daemonLock, { timeoutMs: 0, purpose: 'start' })
      try {
        expect((await describeNow()).daemon.running).to.equal(running)
      } finally {
        lock.release()
      }
    })
  }

  it('takes the heartbeat of a daemon that was killed for no daemon', async () => {
    writeFileSync(store.heartbeat, '')
    utimesSync(store.heartbeat, now, now)
    expect((await describeNow()).daemon.running).to.equal(false)
  })

  it('takes no heartbeat for no daemon', async () => {
    expect((await describeNow()).daemon.running).to.equal(false)
  })
})

import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { useStore } from '../support/test-store.ts'

const longAgo = '2020-01-01T03:00:00.000Z'

describe('A run that was missed', () => {
  const store = useStore({ env: { SNAP_CRON: '0 3 1 1 *' } })
  let schedule: string

  beforeEach(async () => {
    schedule = join(store.directory, '.snap-volume/schedule.json')
  })

  async function missRun(): Promise<void> {
    await writeFile(schedule, JSON.stringify({ nextRun: longAgo }))
  }

  const nextRun = (): string =>
    (JSON.parse(readFileSync(schedule, 'utf8')) as { nextRun: string }).nextRun

  it('while no daemon was there is made up at the next start', async () => {
    await missRun()
    const daemon = await store.startDaemon()
    await daemon.line(/the run due at 2020-01-01T03:00:00.000Z was missed and is made up now/)
    await daemon.line(/ snapshot @GMT-/)
    await daemon.stop()
    expect(store.snapshotNames()).to.have.length(1)
  })

  it('is made up once: not again at the start after that', async () => {
    await missRun()
    const first = await store.startDaemon()
    await first.line(/ snapshot @GMT-/)
    await first.stop()
    const second = await store.startDaemon()
    await second.stop()
    expect(second.output()).to.not.include('made up')
    expect(store.snapshotNames()).to.have.length(1)
    expect(Date.parse(nextRun())).to.be.above(Date.now())
  })

  it('is made up once together with SNAP_ON_START', async () => {
    await missRun()
    const daemon = await store.startDaemon({ env: { SNAP_ON_START: 'true' } })
    await daemon.line(/ snapshot @GMT-/)
    await daemon.stop()
    expect(store.snapshotNames()).to.have.length(1)
    expect(Date.parse(nextRun())).to.be.above(Date.now())
  })

  it('is not made up with SNAP_CATCH_UP=false', async () => {
    await missRun()
    const daemon = await store.startDaemon({ env: { SNAP_CATCH_UP: 'false' } })
    await daemon.stop()
    expect(daemon.output()).to.not.include('made up')
    expect(store.snapshotNames()).to.deep.equal([])
  })

  it('because the host was asleep is made up once when it wakes', async () => {
    const due = new Date(Math.ceil(Date.now() / 1000) * 1000 + 2000)
    const [hours, minutes, seconds] = [due.getUTCHours(), due.getUTCMinutes(), due.getUTCSeconds()]
    const cron = `${seconds} ${minutes} ${hours} * * *`
    const daemon = await store.startDaemon({ env: { SNAP_CRON: cron } })
    daemon.signal('SIGSTOP')
    // what is waited for is the time itself
    await sleep(due.getTime() + 2500 - Date.now())
    daemon.signal('SIGCONT')
    await daemon.line(/a scheduled run was missed/)
    await daemon.line(/ snapshot @GMT-/)
    await daemon.stop()
    expect(store.snapshotNames()).to.have.length(1)
  })
})

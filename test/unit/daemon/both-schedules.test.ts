import { expect } from 'chai'
import {
  type BothSchedules,
  type BothSchedulesRequest,
  type ScheduleReason,
  startBothSchedules,
} from '../../../src/daemon/both-schedules.ts'

const everySecond = '* * * * * *'
const never = '0 3 1 1 *'

describe('startBothSchedules', () => {
  let schedules: BothSchedules | undefined

  afterEach(() => schedules?.stop())

  function start(differences: Partial<BothSchedulesRequest>): BothSchedules {
    schedules = startBothSchedules({
      cron: never,
      checksumCron: '',
      timeZone: 'GMT',
      onDue: () => undefined,
      onMissed: () => undefined,
      ...differences,
    })
    return schedules
  }

  /** What begins the first runs, one for each second. */
  async function firstReasons(cron: string, checksumCron: string): Promise<ScheduleReason[]> {
    const reasons: ScheduleReason[] = []
    const { promise, resolve } = Promise.withResolvers<ScheduleReason[]>()
    start({
      cron,
      checksumCron,
      onDue(reason) {
        reasons.push(reason)
        if (reasons.length === 2) resolve(reasons)
      },
    })
    return promise
  }

  it('begins runs of SNAP_CRON', async () => {
    expect(await firstReasons(everySecond, never)).to.deep.equal(['schedule', 'schedule'])
  })

  it('begins runs that compare all contents', async () => {
    expect(await firstReasons(never, everySecond)).to.deep.equal(['checksum', 'checksum'])
  })

  it('begins only the latter where both are due in the same minute', async () => {
    expect(await firstReasons(everySecond, everySecond)).to.deep.equal(['checksum', 'checksum'])
  })

  it('begins none of SNAP_CHECKSUM_CRON where that is empty', async () => {
    expect(await firstReasons(everySecond, '')).to.deep.equal(['schedule', 'schedule'])
    expect(schedules?.nextChecksumRun()).to.equal(undefined)
  })

  it('takes both in one time zone', () => {
    const both = start({ cron: '0 3 * * *', checksumCron: '0 4 * * *', timeZone: 'Asia/Tokyo' })
    expect([both.nextRun()?.getUTCHours(), both.nextChecksumRun()?.getUTCHours()]).to.deep.equal([
      18, 19,
    ])
  })

  it('tells of each schedule that it has missed a run', () => {
    const missed: ScheduleReason[] = []
    const hourly = { cron: '0 * * * *', checksumCron: '30 * * * *' }
    const both = start({ ...hourly, onMissed: (reason) => missed.push(reason) })
    const RealDate = Date
    globalThis.Date = class extends RealDate {
      static override now(): number {
        return RealDate.now() + 3 * 3_600_000
      }
    } as DateConstructor
    try {
      both.followClock()
    } finally {
      globalThis.Date = RealDate
    }
    expect(missed).to.have.members(['schedule', 'checksum'])
  })
})

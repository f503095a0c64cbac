import { expect } from 'chai'
import { OperationError, UsageError } from '../../../src/errors.ts'
import {
  type Schedule,
  assertCron,
  restrictsBothDays,
  startSchedule,
} from '../../../src/daemon/schedule.ts'

describe('assertCron', () => {
  const right = ['0 3 * * *', '*/5 * * * *', '0 3 * * MON', '0 0 3 * * *', '0 3 1,15 * *']
  for (const expression of right) {
    it(`takes ${expression}`, () => {
      expect(() => assertCron('SNAP_CRON', expression)).not.to.throw()
    })
  }

  const wrong = [
    '',
    'nonsense',
    '0 3 * *',
    '* * * * * * *',
    '60 3 * * *',
    '0 24 * * *',
    '0 3 * 13 *',
    '0 3 30 2 *',
    '*/0 * * * *',
    '0 3 * * $(id)',
  ]
  for (const expression of wrong) {
    it(`refuses ${JSON.stringify(expression)} with the variable, the value and what is right`, () => {
      expect(() => assertCron('SNAP_CRON', expression)).to.throw(
        UsageError,
        /^SNAP_CRON is ".*": .+; write five fields, such as "0 3 \* \* \*"$/,
      )
    })
  }
})

describe('what assertCron says of a wrong field', () => {
  const fields: [expression: string, says: string][] = [
    ['99 * * * * *', '"99" is not a second'],
    ['60 3 * * *', '"60" is not a minute'],
    ['0 25 * * *', '"25" is not an hour'],
    ['0 3 0 * *', '"0" is not a day of the month'],
    ['0 3 * 13 *', '"13" is not a month'],
    ['0 3 * * 9', '"9" is not a day of the week'],
  ]
  for (const [expression, says] of fields) {
    it(`is ${says} for ${expression}`, () => {
      expect(() => assertCron('SNAP_CRON', expression)).to.throw(
        UsageError,
        `SNAP_CRON is ${JSON.stringify(expression)}: ${says}; write five fields`,
      )
    })
  }
})

describe('restrictsBothDays', () => {
  const cases: [expression: string, both: boolean, what: string][] = [
    ['0 3 * * *', false, 'neither day'],
    ['0 3 1 * *', false, 'a day of the month'],
    ['0 3 * * 1', false, 'a day of the week'],
    ['0 3 1 * 1', true, 'both days'],
    ['0 0 3 1 * MON', true, 'both days, with seconds'],
    ['0 0 3 * * MON', false, 'a day of the week, with seconds'],
    ['0  3  1  *  *', false, 'a day of the month, with wide gaps'],
    ['@daily', false, 'neither day, by a nickname'],
    ['0 3 */2 * 1', false, 'steps of *, which crontab(5) joins with "and" too'],
    ['0 3 ? * 1', false, 'a ?, which means any day'],
  ]
  for (const [expression, both, what] of cases) {
    it(`is ${both} for ${what}`, () => {
      expect(restrictsBothDays(expression)).to.equal(both)
    })
  }
})

describe('startSchedule', () => {
  const hourFields = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  let schedule: Schedule | undefined

  afterEach(() => schedule?.stop())

  function start(cron: string, timeZone: string): Schedule {
    schedule = startSchedule({ cron, timeZone, onDue: ignore, onMissed: ignore })
    return schedule
  }

  function nextIn(timeZone: string): string | undefined {
    const next = start('30 3 * * *', timeZone).nextRun()
    return next?.toLocaleTimeString('en-GB', { timeZone, ...hourFields })
  }

  for (const timeZone of ['GMT', 'Asia/Tokyo', 'America/St_Johns']) {
    it(`runs by the clock of ${timeZone}`, () => {
      expect(nextIn(timeZone)).to.equal('03:30')
    })
  }

  it('runs at whole seconds', () => {
    expect(start('0 3 * * *', 'GMT').nextRun()?.getMilliseconds()).to.equal(0)
  })

  const minutes: [cron: string, timeZone: string, time: string, isDue: boolean][] = [
    ['0 3 * * *', 'GMT', '2026-11-20T03:00:59.999Z', true],
    ['0 3 * * *', 'GMT', '2026-11-20T02:59:59.999Z', false],
    ['0 3 * * *', 'GMT', '2026-11-20T03:01:00.000Z', false],
    ['30 0 3 * * *', 'GMT', '2026-11-20T03:00:00.000Z', true],
    ['30 0 3 * * *', 'GMT', '2026-11-20T03:00:45.000Z', true],
    ['0 3 * * *', 'Asia/Tokyo', '2026-11-20T18:00:00.000Z', true],
    ['0 3 * * *', 'Asia/Tokyo', '2026-11-20T03:00:00.000Z', false],
    ['0 4 * * 0', 'GMT', '2026-11-22T04:00:00.000Z', true],
    ['0 4 * * 0', 'GMT', '2026-11-23T04:00:00.000Z', false],
  ]
  for (const [cron, timeZone, time, isDue] of minutes) {
    it(`says that "${cron}" in ${timeZone} is ${isDue ? '' : 'not '}due in the minute of ${time}`, () => {
      expect(start(cron, timeZone).isDueInMinuteOf(new Date(time))).to.equal(isDue)
    })
  }

  it('refuses an expression that cannot be run', () => {
    expect(() => start('0 3 30 2 *', 'GMT')).to.throw(OperationError, 'the schedule "0 3 30 2 *"')
  })
})

describe('A schedule whose clock is set', () => {
  const RealDate = Date
  let schedule: Schedule | undefined
  let missed = 0

  beforeEach(() => {
    missed = 0
  })

  afterEach(() => {
    globalThis.Date = RealDate
    schedule?.stop()
  })

  function setClock(stepMs: number): void {
    globalThis.Date = class extends RealDate {
      constructor(...args: [] | [number]) {
        super(args[0] ?? RealDate.now() + stepMs)
      }

      static override now(): number {
        return RealDate.now() + stepMs
      }
    } as DateConstructor
  }

  function start(cron: string): Schedule {
    schedule = startSchedule({
      cron,
      timeZone: 'GMT',
      onDue: ignore,
      onMissed: () => {
        missed += 1
      },
    })
    return schedule
  }

  it('back waits for the runs of that time', () => {
    setClock(10 * 3_600_000)
    const hourly = start('0 * * * *')
    expect(hourly.followClock()).to.equal(false)
    setClock(0)
    expect(hourly.followClock()).to.equal(true)
    expect(Number(hourly.nextRun()) - Date.now()).to.be.within(0, 3_600_000)
    expect(hourly.followClock(), 'again').to.equal(false)
    expect(missed).to.equal(0)
  })

  it('on, or that went on while the host slept, misses a run once', () => {
    const hourly = start('0 * * * *')
    setClock(3 * 3_600_000)
    expect([1, 2, 3].map(() => hourly.followClock())).to.deep.equal([false, false, false])
    expect(missed).to.equal(1)
  })

  it('back by a little right after a run waits for the one after it', async () => {
    let isDue: () => void = ignore
    const due = new Promise<void>((resolve) => (isDue = resolve))
    schedule = startSchedule({
      cron: '* * * * * *',
      timeZone: 'GMT',
      onDue: isDue,
      onMissed: ignore,
    })
    await due
    const next = schedule.nextRun()
    setClock(-60_000)
    expect(schedule.nextRun()).to.deep.equal(next)
    expect(schedule.followClock()).to.equal(false)
  })

  it('by a little keeps waiting', () => {
    const daily = start('0 3 * * *')
    for (const stepMs of [-100, 100, 0]) {
      setClock(stepMs)
      expect(daily.followClock()).to.equal(false)
    }
    expect(missed).to.equal(0)
  })
})

function ignore(): void {
  // no test waits for a run
}

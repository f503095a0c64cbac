import { expect } from 'chai'
import { OperationError, UsageError } from '../../../src/errors.ts'
import {
  type Schedule,
  assertCron,
  restrictsBothDays,
  startSchedule,
} from '../../../src/service/schedule.ts'

describe('assertCron', () => {
  const right = ['0 3 * * *', '*/5 * * * *', '0 3 * * MON', '0 0 3 * * *', '0 3 1,15 * *']
  for (const expression of right) {
    it(`takes ${expression}`, () => {
      expect(() => assertCron(expression)).not.to.throw()
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
      expect(() => assertCron(expression)).to.throw(
        UsageError,
        /^SNAP_CRON is ".*": .+; write five fields, such as "0 3 \* \* \*"$/,
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

  it('refuses an expression that cannot be run', () => {
    expect(() => start('0 3 30 2 *', 'GMT')).to.throw(OperationError, 'SNAP_CRON "0 3 30 2 *"')
  })
})

function ignore(): void {
  // no test waits for a run
}

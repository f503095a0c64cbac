import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  formatSnapshotName,
  nextSnapshotTime,
  parseSnapshotName,
} from '../../../src/store/names.ts'

const nobody: ReadonlySet<string> = new Set()
const anyTime = fc.date({
  min: new Date('0000-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
})
/** Far from the year 10000, so that there is a second after it. */
const usualTime = fc.date({
  min: new Date('1970-01-01T00:00:00Z'),
  max: new Date('2999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
})

function wholeSeconds(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000)
}

const digits = (values: number[], width: number) =>
  fc.constantFrom(...values.map((value) => String(value).padStart(width, '0')))

describe('formatSnapshotName', () => {
  it('names a snapshot by its time in GMT, as shadow_copy2 wants it', () => {
    const time = new Date('2026-11-20T05:00:00.000+02:00')
    expect(formatSnapshotName(time)).to.equal('@GMT-2026.11.20-03.00.00')
  })

  it('cuts fractions of a second off', () => {
    const time = new Date('2026-11-20T03:00:00.999Z')
    expect(formatSnapshotName(time)).to.equal('@GMT-2026.11.20-03.00.00')
  })

  it('sorts as the times do', () => {
    fc.assert(
      fc.property(anyTime, anyTime, (one, other) => {
        if (wholeSeconds(one) < wholeSeconds(other)) {
          expect(formatSnapshotName(one) < formatSnapshotName(other)).to.equal(true)
        }
      }),
    )
  })
})

describe('parseSnapshotName', () => {
  it('reads the time back', () => {
    expect(parseSnapshotName('@GMT-2026.11.20-03.00.00')).to.deep.equal(
      new Date('2026-11-20T03:00:00Z'),
    )
  })

  it('takes a 29th of February in a leap year', () => {
    expect(parseSnapshotName('@GMT-2028.02.29-00.00.00')).to.deep.equal(
      new Date('2028-02-29T00:00:00Z'),
    )
  })

  it('is the inverse of formatSnapshotName', () => {
    fc.assert(
      fc.property(anyTime, (time) => {
        expect(parseSnapshotName(formatSnapshotName(time))).to.deep.equal(wholeSeconds(time))
      }),
    )
  })

  it('takes no name but the one it would give, so that no time has two', () => {
    const name = fc
      .tuple(
        digits([0, 1, 1970, 2026, 2028, 9999], 4),
        digits([0, 1, 2, 4, 12, 13], 2),
        digits([0, 1, 28, 29, 30, 31, 32], 2),
        digits([0, 1, 23, 24, 25], 2),
        digits([0, 59, 60, 99], 2),
        digits([0, 59, 60, 99], 2),
      )
      .map(([y, m, d, h, min, s]) => `@GMT-${y}.${m}.${d}-${h}.${min}.${s}`)
    fc.assert(
      fc.property(name, (text) => {
        const time = parseSnapshotName(text)
        if (time !== undefined) expect(formatSnapshotName(time)).to.equal(text)
      }),
      { numRuns: 2000 },
    )
  })

  it('refuses every other text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!/^@GMT-[\d.-]{19}$/.test(text))
        expect(parseSnapshotName(text)).to.equal(undefined)
      }),
    )
  })

  const refused: [name: string, why: string][] = [
    ['@GMT-2026.02.30-00.00.00', 'a 30th of February'],
    ['@GMT-2026.02.29-00.00.00', 'a 29th of February in another year'],
    ['@GMT-2026.04.31-00.00.00', 'a 31st of April'],
    ['@GMT-2026.13.01-00.00.00', 'a 13th month'],
    ['@GMT-2026.00.01-00.00.00', 'a month 0'],
    ['@GMT-2026.01.00-00.00.00', 'a day 0'],
    ['@GMT-2026.01.01-24.00.00', 'an hour 24, which is another day'],
    ['@GMT-2026.01.01-25.00.00', 'an hour 25'],
    ['@GMT-2026.01.01-00.60.00', 'a minute 60'],
    ['@GMT-2026.01.01-23.59.60', 'a leap second'],
    ['@GMT-2026.1.01-00.00.00', 'a month of one digit'],
    ['@GMT-26.01.01-00.00.00', 'a year of two digits'],
    ['@GMT-12026.01.01-00.00.00', 'a year of five digits'],
    ['@GMT-2026.01.01-00.00', 'no seconds'],
    ['@GMT-2026.01.01-00.00.00.partial', 'a trailing part'],
    ['@GMT-2026.01.01-00.00.00_1', 'a number behind it'],
    ['@GMT-2026.01.01-00.00.00\n', 'a newline behind it'],
    ['@GMT-2026.01.01-00.00.00 ', 'a blank behind it'],
    [' @GMT-2026.01.01-00.00.00', 'a blank before it'],
    ['@gmt-2026.01.01-00.00.00', 'small letters'],
    ['@GMT-2026-01-01-00.00.00', 'other separators'],
    ['@GMT-2026.01.01T00.00.00', 'a T'],
    ['@GMT-2026.01.01-00:00:00', 'colons'],
    ['@GMT-\u0662\u0660\u0662\u0666.01.01-00.00.00', 'digits of another script'],
    ['@GMT-', 'nothing behind the prefix'],
    ['', 'nothing'],
  ]
  for (const [name, why] of refused) {
    it(`refuses ${why}`, () => {
      expect(parseSnapshotName(name)).to.equal(undefined)
    })
  }
})

describe('nextSnapshotTime', () => {
  const now = new Date('2026-11-20T03:00:00.700Z')

  it('is now, in whole seconds, in an empty store', () => {
    expect(nextSnapshotTime(now, undefined, nobody)).to.deep.equal(new Date('2026-11-20T03:00:00Z'))
  })

  it('is now when the newest snapshot is older', () => {
    const newest = new Date('2026-11-19T03:00:00Z')
    expect(nextSnapshotTime(now, newest, nobody)).to.deep.equal(new Date('2026-11-20T03:00:00Z'))
  })

  it('is the next second for the second run in one second', () => {
    const newest = new Date('2026-11-20T03:00:00Z')
    expect(nextSnapshotTime(now, newest, nobody)).to.deep.equal(new Date('2026-11-20T03:00:01Z'))
  })

  it('is the second after the newest when the clock was set back', () => {
    const newest = new Date('2026-12-24T18:00:00Z')
    expect(nextSnapshotTime(now, newest, nobody)).to.deep.equal(new Date('2026-12-24T18:00:01Z'))
  })

  it('passes over names that something else in the store has', () => {
    const taken = new Set(['@GMT-2026.11.20-03.00.00', '@GMT-2026.11.20-03.00.01'])
    expect(nextSnapshotTime(now, undefined, taken)).to.deep.equal(new Date('2026-11-20T03:00:02Z'))
  })

  it('passes over a taken name behind the newest snapshot', () => {
    const newest = new Date('2026-11-20T03:00:00Z')
    const taken = new Set(['@GMT-2026.11.20-03.00.01'])
    expect(nextSnapshotTime(now, newest, taken)).to.deep.equal(new Date('2026-11-20T03:00:02Z'))
  })

  it('gives strictly increasing names, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(usualTime, { minLength: 2, maxLength: 20 }), (clock) => {
        let newest: Date | undefined
        let before = ''
        for (const reading of clock) {
          newest = nextSnapshotTime(reading, newest, nobody)
          const name = formatSnapshotName(newest)
          expect(name > before).to.equal(true)
          before = name
        }
      }),
    )
  })

  it('is never a taken name, never before now, and never fractions of a second', () => {
    const offsets = fc.uniqueArray(fc.integer({ min: 0, max: 20 }))
    fc.assert(
      fc.property(usualTime, fc.option(usualTime, { nil: undefined }), offsets, (at, newest, s) => {
        const begin = wholeSeconds(newest === undefined || newest < at ? at : newest)
        const taken = new Set(
          s.map((second) => formatSnapshotName(new Date(begin.getTime() + second * 1000))),
        )
        const time = nextSnapshotTime(at, newest, taken)
        expect(taken.has(formatSnapshotName(time))).to.equal(false)
        expect(time.getTime()).to.be.at.least(wholeSeconds(at).getTime())
        expect(time.getTime() % 1000).to.equal(0)
      }),
    )
  })
})

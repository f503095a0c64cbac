import { expect } from 'chai'
import { formatAge, formatSpan } from '../../../../src/cli/render/age.ts'
import { aRecord } from '../../support/snapshots.ts'

const now = new Date('2026-11-20T12:00:00Z')

describe('formatAge', () => {
  it('is the time since the snapshot in its largest unit', () => {
    expect(formatAge(aRecord('@GMT-2026.11.18-03.00.00'), now)).to.equal('2d')
  })

  for (const [ms, age] of [
    [0, '0s'],
    [186, '0s'],
    [999, '0s'],
    [1999, '1s'],
    [59_999, '59s'],
    [60_000, '1m'],
  ] as const) {
    it(`is ${age} for ${ms} ms`, () => {
      expect(formatSpan(ms)).to.equal(age)
    })
  }

  it('is never negative, whatever the clock did', () => {
    expect(formatAge(aRecord('@GMT-2027.01.01-00.00.00'), now)).to.equal('0s')
  })
})

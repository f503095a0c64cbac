import { expect } from 'chai'
import { formatAge } from '../../../../src/cli/render/age.ts'
import { aRecord } from '../../support/snapshots.ts'

const now = new Date('2026-11-20T12:00:00Z')

describe('formatAge', () => {
  it('is the time since the snapshot in its largest unit', () => {
    expect(formatAge(aRecord('@GMT-2026.11.18-03.00.00'), now)).to.equal('2d')
  })

  it('is never negative, whatever the clock did', () => {
    expect(formatAge(aRecord('@GMT-2027.01.01-00.00.00'), now)).to.equal('0ms')
  })
})

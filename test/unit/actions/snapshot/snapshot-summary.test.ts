import { expect } from 'chai'
import { summarizeSnapshot } from '../../../../src/actions/snapshot/snapshot-summary.ts'
import { aRecord } from '../../support/snapshots.ts'

const name = '@GMT-2026.11.20-03.00.00'

describe('summarizeSnapshot', () => {
  it('begins with the name and sums up the volumes', () => {
    const [volume] = aRecord(name).volumes
    const record = aRecord(name, { volumes: volume ? [volume, { ...volume, id: 'other' }] : [] })
    expect(summarizeSnapshot({ record, removed: [] })).to.equal(
      `${name}: 6 files, 6 kB; added 2 files, 2 kB`,
    )
  })

  it('says how many older ones were removed', () => {
    expect(summarizeSnapshot({ record: aRecord(name), removed: ['a', 'b'] })).to.match(
      /; 2 older removed$/,
    )
  })
})

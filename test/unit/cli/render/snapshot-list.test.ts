import { expect } from 'chai'
import type { StoreDescription } from '../../../../src/actions/report/store.ts'
import { formatSnapshotList } from '../../../../src/cli/render/snapshot-list.ts'
import { aRecord } from '../../support/snapshots.ts'
import { steeringCharacters, steeringText } from '../../support/steering.ts'
import { aDescription } from '../../support/store-description.ts'

const now = new Date('2026-11-20T12:00:00Z')
const name = '@GMT-2026.11.20-03.00.00'

describe('formatSnapshotList', () => {
  it('has a line for each snapshot, with what it added', () => {
    expect(formatSnapshotList(aDescription(), now)).to.equal(
      'SNAPSHOT                  AGE  SIZE  ADDED  KIND    DATA  NOTES\n' +
        '@GMT-2026.11.20-03.00.00   9h  3 kB   1 kB  manual  live\n',
    )
  })

  it('says how to take the first', () => {
    expect(formatSnapshotList(aDescription({ snapshots: [] }), now)).to.include(
      'take one with "snap-volume snapshot"',
    )
  })

  it('notes pin, warnings, labels and comment', () => {
    const record = aRecord(name, {
      pinned: true,
      warnings: [{ code: 'x', message: 'y' }],
      labels: { ticket: '4711' },
      comment: 'hello',
    })
    expect(formatSnapshotList(aDescription({ snapshots: [record] }), now)).to.include(
      'pinned; 1 warning; ticket=4711; hello',
    )
  })

  it('does not pretend to know the size of one that nobody counted', () => {
    const [volume] = aRecord(name).volumes
    const record = aRecord(name, { volumes: volume ? [{ ...volume, contents: null }] : [] })
    expect(formatSnapshotList(aDescription({ snapshots: [record] }), now)).to.match(/9h +\? +\?/)
  })

  it('tells of problems', () => {
    expect(formatSnapshotList(aDescription({ problems: ['a problem'] }), now)).to.include(
      'warning: a problem\n',
    )
  })

  const texts: [what: string, part: Partial<StoreDescription>][] = [
    ['a comment', { snapshots: [aRecord(name, { comment: steeringText })] }],
    ['the value of a label', { snapshots: [aRecord(name, { labels: { a: steeringText } })] }],
    ['the name of a label', { snapshots: [aRecord(name, { labels: { [steeringText]: 'a' } })] }],
    ['a problem', { problems: [steeringText] }],
  ]
  for (const [what, part] of texts) {
    it(`lets ${what} steer no terminal`, () => {
      expect(formatSnapshotList(aDescription(part), now)).not.to.match(steeringCharacters)
    })
  }
})

import { expect } from 'chai'
import { type ListedStore, formatSnapshotList } from '../../../../src/cli/render/snapshot-list.ts'
import { aRecord } from '../../support/snapshots.ts'
import { steeringCharacters, steeringText } from '../../support/steering.ts'
import { aDescription } from '../../support/store-description.ts'

const now = new Date('2026-11-20T12:00:00Z')
const name = '@GMT-2026.11.20-03.00.00'

describe('formatSnapshotList', () => {
  it('has a line for each snapshot, with what it copied', () => {
    expect(formatSnapshotList(aDescription(), { now })).to.equal(
      'SNAPSHOT                  AGE  SIZE  COPIED  KIND    DATA  NOTES\n' +
        '@GMT-2026.11.20-03.00.00   9h  3 kB    1 kB  manual  live\n',
    )
  })

  it('says how to take the first', () => {
    expect(formatSnapshotList(aDescription({ snapshots: [] }), { now })).to.include(
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
    expect(formatSnapshotList(aDescription({ snapshots: [record] }), { now })).to.include(
      'pinned; 1 warning; ticket=4711; hello',
    )
  })

  it('does not pretend to know the size of one that nobody counted', () => {
    const [volume] = aRecord(name).volumes
    const record = aRecord(name, { volumes: volume ? [{ ...volume, contents: null }] : [] })
    expect(formatSnapshotList(aDescription({ snapshots: [record] }), { now })).to.match(
      /9h +\? +\?/,
    )
  })

  const two = ['@GMT-2026.11.19-03.00.00', name].map((one) => aRecord(one, { comment: 'before' }))

  it('says why one stays, and for about how long', () => {
    const retention = [
      {
        name: '@GMT-2026.11.19-03.00.00',
        keep: true,
        reason: 'number 2 of the newest 7 (SNAP_MAX)',
        until: '2026-11-25T12:00:00.000Z',
      },
      { name, keep: true, reason: 'pinned', until: null },
    ]
    const list = formatSnapshotList(aDescription({ snapshots: two, retention }), { now })
    expect(list).to.match(/ KEPT +NOTES\n.* 2 of 7, ~5d +before\n.* pinned +before\n/)
  })

  it('has the time on the clocks of SNAP_TZ, where that is another one', () => {
    const { config } = aDescription()
    const description = aDescription({ config: config && { ...config, timeZone: 'Asia/Tokyo' } })
    expect(formatSnapshotList(description, { now })).to.contain('2026-11-20 12:00')
  })

  it('counts damaged paths', () => {
    const verified = { comparedAt: null, damaged: { [name]: 2 } }
    expect(formatSnapshotList(aDescription({ verified }), { now })).to.match(/2 paths damaged/)
  })

  for (const width of [40, 50, 60, 80, 200]) {
    it(`fits into ${width} columns`, () => {
      const snapshots = two.map((one) => ({ ...one, comment: 'long '.repeat(50) }))
      const lines = formatSnapshotList(aDescription({ snapshots }), { now, width }).split('\n')
      expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(width)
      expect(lines[0]).to.contain('AGE')
    })
  }

  it('draws what each copied on a terminal', () => {
    const list = formatSnapshotList(aDescription({ snapshots: two }), { now, width: 100 })
    expect(list.match(/########/g)).to.have.length(2)
  })

  it('tells of problems', () => {
    expect(formatSnapshotList(aDescription({ problems: ['a problem'] }), { now })).to.include(
      'warning: a problem\n',
    )
  })

  const texts: [what: string, part: Partial<ListedStore>][] = [
    ['a comment', { snapshots: [aRecord(name, { comment: steeringText })] }],
    ['the value of a label', { snapshots: [aRecord(name, { labels: { a: steeringText } })] }],
    ['the name of a label', { snapshots: [aRecord(name, { labels: { [steeringText]: 'a' } })] }],
    ['a problem', { problems: [steeringText] }],
  ]
  for (const [what, part] of texts) {
    it(`lets ${what} steer no terminal`, () => {
      expect(formatSnapshotList(aDescription(part), { now })).not.to.match(steeringCharacters)
    })
  }
})

import { expect } from 'chai'
import {
  futureFirst,
  isFuture,
  recordedSnapshots,
  warnOfFuture,
} from '../../../src/store/future.ts'
import type { Snapshot } from '../../../src/store/catalog.ts'
import { aCatalog, aSnapshot } from '../support/snapshots.ts'

const now = new Date('2026-11-20T03:00:00Z')

describe('isFuture', () => {
  const cases: [time: string, now: string, expected: boolean][] = [
    ['2026-11-20T03:00:00Z', '2026-11-20T03:00:00Z', false],
    ['2026-11-21T03:00:00Z', '2026-11-20T03:00:00Z', false],
    ['2026-11-21T03:00:01Z', '2026-11-20T03:00:00Z', true],
    ['2099-01-01T00:00:00Z', '2026-11-20T03:00:00Z', true],
    ['2026-11-20T03:00:00Z', '1970-01-01T00:00:00Z', false],
    ['2026-11-20T03:00:00Z', '2025-05-05T00:00:00Z', false],
  ]
  for (const [time, clock, expected] of cases) {
    it(`is ${expected} of ${time} by a clock that says ${clock}`, () => {
      expect(isFuture(new Date(time), new Date(clock))).to.equal(expected)
    })
  }
})

describe('futureFirst', () => {
  it('puts what is newest by a right clock last', () => {
    const names = [
      '@GMT-2026.11.18-03.00.00',
      '@GMT-2026.11.19-03.00.00',
      '@GMT-2099.01.01-00.00.00',
    ]
    const [first = '', second = '', future = ''] = names
    const { snapshots } = futureFirst(aCatalog(names.map((name) => aSnapshot(name))), now)
    expect(snapshots.map(({ name }) => name)).to.deep.equal([future, first, second])
  })
})

describe('recordedSnapshots', () => {
  const [first, lost, last, future] = [
    '@GMT-2026.11.17-03.00.00',
    '@GMT-2026.11.18-03.00.00',
    '@GMT-2026.11.19-03.00.00',
    '@GMT-2099.01.01-00.00.00',
  ].map((name) => aSnapshot(name)) as [Snapshot, Snapshot, Snapshot, Snapshot]
  const damaged = [lost, future].map((snapshot) => {
    return { name: snapshot.name, path: snapshot.path, problem: 'gone', snapshot }
  })
  const catalog = { ...aCatalog([first, last]), damaged }

  it('has those of which data are gone in their places', () => {
    expect(recordedSnapshots(catalog)).to.deep.equal([first, lost, last, future])
  })

  it('has those of the future first, where the others have', () => {
    const sorted = recordedSnapshots(futureFirst(catalog, now))
    expect(sorted).to.deep.equal([future, first, lost, last])
  })
})

describe('warnOfFuture', () => {
  it('names the first one and how many there are, and advises nobody to delete', () => {
    const many = aCatalog(['2098', '2099'].map((year) => aSnapshot(`@GMT-${year}.01.01-00.00.00`)))
    expect(warnOfFuture(many, now)).to.match(/^@GMT-2098\S+ and 1 more are of the future/)
    expect(warnOfFuture(many, now)).not.to.match(/remove|delete/)
    expect(warnOfFuture(aCatalog([]), now)).to.equal(undefined)
  })
})

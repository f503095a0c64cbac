import { expect } from 'chai'
import { secondsOf } from '../../../bench/figures.ts'
import {
  type Circumstances,
  type Finding,
  formatJson,
  readFindings,
  replaceFindings,
} from '../../../bench/report.ts'
import { UsageError } from '../../../src/errors.ts'

const circumstances: Circumstances = {
  date: '2026-11-20T10:00:00.000Z',
  versions: { rsync: '3.5.0', node: '24.1.0' },
  kernel: '6.1',
  cores: 2,
  files: 1000,
  runs: 5,
}

function finding(scenario: Finding['scenario'], seconds: number, day = '20'): Finding {
  const series = [
    { name: 'ours', values: [seconds] },
    { name: 'theirs', values: [2 * seconds] },
  ]
  return { scenario, date: `2026-11-${day}`, ...secondsOf(scenario, series, ['a note']) }
}

const written = [
  finding('first', 1),
  { ...finding('memory', 3), unit: 'MB' as const, isComparison: false },
]

const replace = (measured: Finding[], now: Partial<Circumstances> = {}): Finding[] =>
  replaceFindings(
    readFindings(formatJson(circumstances, written), { ...circumstances, ...now }),
    measured,
  )

describe('A report of which some scenarios are measured anew', () => {
  it('keeps the others as they were', () => {
    expect(replace([])).to.deep.equal(written)
  })

  it('has the new ones in the place of the old, in the order of the scenarios', () => {
    const [restored, anew] = [finding('restore', 4, '21'), finding('first', 5, '21')]
    expect(replace([restored, anew])).to.deep.equal([anew, restored, written[1]])
  })

  it('takes another day and another number of runs', () => {
    expect(replace([], { date: '2026-11-22', runs: 7 })).to.deep.equal(written)
  })

  for (const [what, other] of Object.entries({
    'another kernel': { kernel: '6.2' },
    'another number of files': { files: 2000 },
    'another version': { versions: { rsync: '3.5.1', node: '24.1.0' } },
  })) {
    it(`is refused after ${what}`, () => {
      expect(() => replace([], other)).to.throw(UsageError, 'measure all scenarios')
    })
  }
})

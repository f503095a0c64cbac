import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { noRules } from '../../../src/config/keep-rules.ts'
import type { Candidate, RetentionPolicy } from '../../../src/retention/plan.ts'
import { simulateRetention } from '../../../src/retention/simulate.ts'
import { formatSnapshotName, parseSnapshotName } from '../../../src/store/names.ts'

const hourMs = 3_600_000
const volumes = [{ id: 'data', flagged: false }]

const policy: RetentionPolicy = {
  maxSnapshots: 128,
  keep: {
    rules: { ...noRules, hourly: 24, daily: 7, weekly: 4, monthly: 12, yearly: 5 },
    timeZone: 'Europe/Berlin',
  },
  protected: new Map(),
}

const start = Date.parse('2026-01-01T00:00:00Z')

/** Lets the hours from one to another pass. */
function pass(there: readonly Candidate[], from: number, to: number) {
  const times = Array.from({ length: to - from }, (_, at) => new Date(start + (from + at) * hourMs))
  const plan = simulateRetention(there, policy, times, { volumes, nameOf: formatSnapshotName })
  const left = plan.map(({ name }): Candidate => {
    const time = parseSnapshotName(name) ?? new Date(NaN)
    return { name, time, volumes, pinned: false, safety: false }
  })
  return { left, text: plan.map(({ name, reason }) => `${name}  ${reason}\n`).join('') }
}

describe('simulateRetention', function () {
  this.timeout(60_000)

  it('has after three years of hours what a person can read in three-years.txt', () => {
    const day = 24
    const ends = [
      ['a day', day],
      ['a month', 31 * day],
      ['a year', 365 * day],
      ['three years', (3 * 365 + 1) * day],
    ] as const
    let there: Candidate[] = []
    let hours = 0
    const parts: string[] = []
    for (const [title, end] of ends) {
      const { left, text } = pass(there, hours, end)
      parts.push(`after ${title}:\n${text}`)
      there = left
      hours = end
    }

    const golden = new URL('three-years.txt', import.meta.url)
    expect(parts.join('\n')).to.equal(readFileSync(golden, 'utf8'))
  })

  it('keeps what is pinned, whatever comes after it', () => {
    const pinned: Candidate = {
      name: 'pinned',
      time: new Date('2026-01-01T00:00:00Z'),
      volumes,
      pinned: true,
      safety: false,
    }
    const times = [1, 2, 3].map((day) => new Date(Date.parse('2027-01-01') + day * 24 * hourMs))
    const one = { ...policy, keep: undefined, maxSnapshots: 1 }
    const plan = simulateRetention([pinned], one, times, { volumes, nameOf: formatSnapshotName })
    expect(plan.map(({ name }) => name)).to.deep.equal(['pinned', '@GMT-2027.01.04-00.00.00'])
  })

  it('changes nothing where no snapshot is taken', () => {
    expect(
      simulateRetention([], policy, [], { volumes, nameOf: formatSnapshotName }),
    ).to.deep.equal([])
  })
})

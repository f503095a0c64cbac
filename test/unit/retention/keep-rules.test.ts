import { expect } from 'chai'
import * as fc from 'fast-check'
import { DateTime } from 'luxon'
import { howOften } from '../../support/sample.ts'
import { type KeepRules, noRules } from '../../../src/config/keep-rules.ts'
import { type DatedSnapshot, applyKeepRules } from '../../../src/retention/keep-rules.ts'

const zones = [
  'GMT',
  'Europe/Berlin',
  'America/Santiago',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
] as const

/** Written from the description of SNAP_KEEP_* alone, by other means. */
function reference(
  snapshots: readonly DatedSnapshot[],
  rules: KeepRules,
  zone: string,
): Set<string> {
  const kept = new Set<string>()
  const local = (time: Date) => DateTime.fromJSDate(time, { zone })
  const bucketNames: [number, (one: DatedSnapshot) => string][] = [
    [rules.last, ({ name }) => name],
    [rules.hourly, ({ time }) => local(time).toFormat("yyyy-MM-dd'T'HH ZZ")],
    [rules.daily, ({ time }) => local(time).toFormat('yyyy-MM-dd')],
    [rules.weekly, ({ time }) => local(time).toFormat("kkkk-'W'WW")],
    [rules.monthly, ({ time }) => local(time).toFormat('yyyy-MM')],
    [rules.yearly, ({ time }) => local(time).toFormat('yyyy')],
  ]
  for (const [count, nameOf] of bucketNames) {
    if (count === 0) continue
    const taken: string[] = []
    for (let index = snapshots.length - 1; index >= 0; index -= 1) {
      const bucket = nameOf(snapshots[index] as DatedSnapshot)
      if (!taken.includes(bucket) && taken.length < count) taken.push(bucket)
    }
    for (const bucket of taken) {
      const inside = snapshots.filter((one) => nameOf(one) === bucket)
      const good = inside.filter(({ flagged }) => !flagged)
      const proved = good.filter((one) => one.proved === true)
      kept.add([inside, good, proved].findLast((ones) => ones.length > 0)?.at(-1)?.name ?? '')
    }
    if (taken.length < count && snapshots[0] !== undefined) kept.add(snapshots[0].name)
  }
  const newest = snapshots.at(-1)?.time.getTime() ?? 0
  for (const { name, time } of snapshots) {
    if (rules.withinMs > 0 && time.getTime() > newest - rules.withinMs) kept.add(name)
  }
  return kept
}

const hourMs = 3_600_000
/** Gaps of minutes and of months, around the days on which clocks change. */
const anyHistory = fc
  .record({
    start: fc.constantFrom(
      '2026-03-27T00:00:00Z',
      '2026-10-23T00:00:00Z',
      '2026-04-03T00:00:00Z',
      '2025-12-28T00:00:00Z',
      '2026-09-04T00:00:00Z',
    ),
    steps: fc.array(
      fc.record({
        gapMs: fc.oneof(
          fc.integer({ min: 1000, max: hourMs }),
          fc.integer({ min: 1000, max: 30 * hourMs }),
          fc.integer({ min: 1000, max: 3000 * hourMs }),
          fc.constant(hourMs),
          fc.constant(24 * hourMs),
        ),
        flagged: fc.boolean(),
        proved: fc.boolean(),
      }),
      { maxLength: 60 },
    ),
  })
  .map(({ start, steps }) => {
    let ms = Date.parse(start)
    return steps.map(({ gapMs, flagged, proved }, index): DatedSnapshot => {
      ms += gapMs
      return { name: `s${index}`, time: new Date(ms), flagged, proved }
    })
  })

const count = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 8 }))
const anyRules: fc.Arbitrary<KeepRules> = fc.record({
  last: count,
  hourly: count,
  daily: count,
  weekly: count,
  monthly: count,
  yearly: count,
  withinMs: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1, max: 40 }).map((n) => n * 12 * hourMs),
  ),
})
const anyCase = fc.record({
  history: anyHistory,
  rules: anyRules,
  zone: fc.constantFrom(...zones),
})

function holds(check: (one: typeof anyCase extends fc.Arbitrary<infer T> ? T : never) => void) {
  fc.assert(fc.property(anyCase, check), { numRuns: howOften(3000, 300) })
}

function kept(history: readonly DatedSnapshot[], rules: KeepRules, zone: string): Set<string> {
  return new Set(applyKeepRules(history, rules, zone).keys())
}

function daily(from: string, days: number): DatedSnapshot[] {
  return Array.from({ length: days }, (_, day) => {
    const time = new Date(Date.parse(from) + day * 24 * hourMs)
    return { name: time.toISOString().slice(0, 10), time, flagged: false }
  })
}

describe('applyKeepRules', function () {
  this.timeout(60_000)

  it('agrees with a reference on random histories', () => {
    fc.assert(
      fc.property(anyCase, ({ history, rules, zone }) => {
        expect(kept(history, rules, zone)).to.deep.equal(reference(history, rules, zone))
      }),
      { numRuns: howOften(10_000, 1000) },
    )
  })

  it('keeps the newest of each of the newest days', () => {
    const [first, second] = daily('2026-11-18T03:00:00Z', 2)
    const later = { name: 'later', time: new Date('2026-11-19T20:00:00Z'), flagged: false }
    const reasons = applyKeepRules(
      [first, second, later].filter((one) => one !== undefined),
      { ...noRules, daily: 2 },
      'GMT',
    )
    expect([...reasons]).to.deep.equal([
      ['later', ['daily 1 of 2']],
      ['2026-11-18', ['daily 2 of 2']],
    ])
  })

  it('passes over one with warnings, where the bucket has another one', () => {
    const [first] = daily('2026-11-18T03:00:00Z', 1)
    const flagged = { name: 'flagged', time: new Date('2026-11-18T20:00:00Z'), flagged: true }
    expect([
      ...kept([first as DatedSnapshot, flagged], { ...noRules, daily: 1 }, 'GMT'),
    ]).to.deep.equal(['2026-11-18'])
  })

  it('has the oldest stand in while there are fewer buckets', () => {
    const reasons = applyKeepRules(
      daily('2026-11-02T03:00:00Z', 5),
      { ...noRules, monthly: 12 },
      'GMT',
    )
    expect([...reasons]).to.deep.equal([
      ['2026-11-06', ['monthly 1 of 12']],
      ['2026-11-02', ['oldest, until 12 monthly ones are there']],
    ])
  })

  it('takes the repeated hour of autumn for two', () => {
    const times = ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z']
    const history = times.map((time) => ({ name: time, time: new Date(time), flagged: false }))
    expect([...kept(history, { ...noRules, hourly: 2 }, 'Europe/Berlin')]).to.have.members(times)
  })

  it('counts within from the newest, and not from the clock', () => {
    const rules = { ...noRules, withinMs: 3 * 24 * hourMs }
    const reasons = applyKeepRules(daily('2020-01-01T03:00:00Z', 5), rules, 'GMT')
    expect([...reasons.keys()]).to.deep.equal(['2020-01-03', '2020-01-04', '2020-01-05'])
    expect(reasons.get('2020-01-05')).to.deep.equal(['within 3d of the newest'])
  })

  describe('for any history and any rules', () => {
    it('keeps the same when it is applied again', () => {
      holds(({ history, rules, zone }) => {
        const once = kept(history, rules, zone)
        const left = history.filter(({ name }) => once.has(name))
        expect(kept(left, rules, zone)).to.deep.equal(once)
      })
    })

    it('loses nothing by pruning after each one that pruning at the end keeps', () => {
      holds(({ history: some, rules, zone }) => {
        const history = some.map((one) => ({ ...one, flagged: false, proved: false }))
        let there: DatedSnapshot[] = []
        for (const one of history) {
          const names = kept([...there, one], rules, zone)
          there = [...there, one].filter(({ name }) => names.has(name))
        }

        const left = new Set(there.map(({ name }) => name))
        const lost = [...kept(history, rules, zone)].filter((name) => !left.has(name))
        expect(lost).to.deep.equal([])
      })
    })

    it('removes for the first one after a gap, however long, no more than one of each rule', () => {
      holds(({ history, rules: some, zone }) => {
        const rules = { ...some, withinMs: 0 }
        const names = kept(history, rules, zone)
        const there = history.filter(({ name }) => names.has(name))
        const endMs = there.at(-1)?.time.getTime() ?? 0
        const later = { name: 'later', time: new Date(endMs + 40_000 * hourMs), flagged: false }
        const again = kept([...there, later], rules, zone)
        const lost = there.filter(({ name }) => !again.has(name))
        const inForce = Object.values(rules).filter((number) => number > 0).length
        expect(lost.length).to.be.at.most(inForce)
      })
    })

    it('keeps no newer one less because of an older one, where none has warnings or is proved', () => {
      holds(({ history: some, rules, zone }) => {
        const history = some.map((one) => ({ ...one, flagged: false, proved: false }))
        const [, ...without] = history
        const more = kept(history, rules, zone)
        const [standIn] = without
        const lost = [...kept(without, rules, zone)].filter((name) => !more.has(name))
        expect(lost.filter((name) => name !== standIn?.name)).to.deep.equal([])
      })
    })

    it('keeps no fewer with a larger number, but for the one that stands in', () => {
      holds(({ history, rules, zone }) => {
        const larger = { ...rules, daily: rules.daily === 0 ? 0 : rules.daily + 1 }
        const more = kept(history, larger, zone)
        const lost = [...kept(history, rules, zone)].filter((name) => !more.has(name))
        expect(lost.filter((name) => name !== history[0]?.name)).to.deep.equal([])
      })
    })
  })
})

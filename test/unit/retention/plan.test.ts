import { expect } from 'chai'
import * as fc from 'fast-check'
import { noRules } from '../../../src/config/keep-rules.ts'
import {
  type Candidate,
  type CandidateVolume,
  type RetentionPolicy,
  planRetention,
} from '../../../src/retention/plan.ts'

function candidate(name: string, differences: Partial<Candidate> = {}): Candidate {
  return {
    name,
    time: new Date(0),
    volumes: [good('data')],
    pinned: false,
    safety: false,
    ...differences,
  }
}

function good(id: string): CandidateVolume {
  return { id, flagged: false }
}

function flagged(id: string): CandidateVolume {
  return { id, flagged: true }
}

function policy(maxSnapshots: number, inUse: Record<string, string> = {}): RetentionPolicy {
  return { maxSnapshots, protected: new Map(Object.entries(inUse)) }
}

function removed(candidates: readonly Candidate[], rules: RetentionPolicy): string[] {
  return planRetention(candidates, rules)
    .filter(({ keep }) => !keep)
    .map(({ name }) => name)
}

function reasons(candidates: readonly Candidate[], rules: RetentionPolicy): string[] {
  return planRetention(candidates, rules).map(({ reason }) => reason)
}

/**
 * Those that hold a volume and are flagged for it, or not, as `states` says; without safety
 * snapshots.
 */
function regularOf(
  candidates: readonly Candidate[],
  id: string,
  states: readonly boolean[],
): string[] {
  return candidates
    .filter(({ safety }) => !safety)
    .filter(({ volumes }) => volumes.some((one) => one.id === id && states.includes(one.flagged)))
    .map(({ name }) => name)
}

function last(names: readonly string[]): string {
  return names.at(-1) ?? ''
}

const abc = [candidate('a'), candidate('b'), candidate('c')]

describe('planRetention', () => {
  it('plans nothing for an empty store', () => {
    expect(planRetention([], policy(1))).to.deep.equal([])
  })

  it('keeps all when there are no more than the maximum', () => {
    expect(removed(abc, policy(3))).to.deep.equal([])
  })

  it('removes the oldest', () => {
    expect(removed(abc, policy(2))).to.deep.equal(['a'])
  })

  it('says which rule kept or removed each', () => {
    expect(reasons(abc, policy(2))).to.deep.equal([
      'older than the newest 2 (SNAP_MAX)',
      'number 2 of the newest 2 (SNAP_MAX)',
      'number 1 of the newest 2 (SNAP_MAX)',
    ])
  })

  it('keeps a pinned one', () => {
    const pinned = [candidate('a', { pinned: true }), candidate('b'), candidate('c')]
    expect(removed(pinned, policy(1))).to.deep.equal(['b'])
  })

  it('does not count a pinned one', () => {
    const pinned = [candidate('a'), candidate('b'), candidate('c', { pinned: true })]
    expect(removed(pinned, policy(2))).to.deep.equal([])
  })

  it('keeps one that is in use, with the reason it was given', () => {
    expect(reasons(abc, policy(1, { a: 'a restore of it is not finished' }))[0]).to.equal(
      'a restore of it is not finished',
    )
  })

  it('keeps the newest without warnings although newer ones fill the maximum', () => {
    const candidates = [
      candidate('a'),
      candidate('b', { volumes: [flagged('data')] }),
      candidate('c', { volumes: [flagged('data')] }),
    ]
    expect(removed(candidates, policy(1))).to.deep.equal(['b'])
  })

  it('keeps of a volume the newest and the newest without warnings, whatever the others have', () => {
    const candidates = [
      candidate('a', { volumes: [flagged('web'), good('mail')] }),
      candidate('b', { volumes: [flagged('web'), good('mail')] }),
      candidate('c', { volumes: [good('web'), flagged('mail')] }),
      candidate('d'),
    ]
    expect(reasons(candidates, policy(1))).to.deep.equal([
      'older than the newest 1 (SNAP_MAX)',
      'the newest of mail without warnings',
      'the newest of web',
      'number 1 of the newest 1 (SNAP_MAX)',
    ])
  })

  it('keeps the newest of a volume although each is flagged', () => {
    const candidates = [
      candidate('a', { volumes: [flagged('web')] }),
      candidate('b', { volumes: [flagged('web')] }),
      candidate('c'),
    ]
    expect(removed(candidates, policy(1))).to.deep.equal(['a'])
  })

  it('keeps a safety snapshot for the newest of a volume only where there is no other', () => {
    const web = { volumes: [good('web')], safety: true }
    const newer = ['c', 'd'].map((name) => candidate(name, { safety: true }))
    expect(removed([candidate('a', web), ...newer], policy(1))).to.deep.equal(['c'])
    const regular = candidate('b', { volumes: [flagged('web')] })
    expect(removed([regular, candidate('a', web), ...newer], policy(1))).to.deep.equal(['a', 'c'])
  })

  it('does not take a safety snapshot for the newest without warnings', () => {
    const safety = [candidate('a'), candidate('b', { safety: true })]
    expect(removed(safety, policy(1))).to.deep.equal([])
  })

  it('does not count safety snapshots among the others, so that trying several pushes none out', () => {
    const safety = ['c', 'd', 'e'].map((name) => candidate(name, { safety: true }))
    expect(removed([candidate('a'), candidate('b'), ...safety], policy(2))).to.deep.equal(['c'])
  })

  it('keeps as many safety snapshots as others, and says so', () => {
    const safety = [candidate('a', { safety: true }), candidate('b', { safety: true })]
    expect(reasons(safety, policy(1))).to.deep.equal([
      'older than the newest 1 safety snapshots (SNAP_MAX)',
      'number 1 of the newest 1 safety snapshots (SNAP_MAX)',
    ])
  })

  it('keeps the newest of a volume that newer ones do not hold', () => {
    const others = ['b', 'c'].map((name) => candidate(name, { volumes: [good('web')] }))
    expect(removed([candidate('a'), ...others], policy(1))).to.deep.equal(['b'])
  })

  describe('with rules', () => {
    const days = ['18', '19', '20'].flatMap((day) =>
      ['03', '15'].map((hour) =>
        candidate(`${day} ${hour}`, { time: new Date(`2026-11-${day}T${hour}:00:00Z`) }),
      ),
    )
    const rules = { ...noRules, last: 1, daily: 2 }
    const keep = { rules, timeZone: 'GMT' }

    it('keeps what any of them keeps, with all reasons, and SNAP_MAX decides nothing', () => {
      expect(reasons(days, { ...policy(1), keep })).to.deep.equal([
        'no rule keeps it',
        'no rule keeps it',
        'no rule keeps it',
        'daily 2 of 2',
        'no rule keeps it',
        'last 1 of 1, daily 1 of 2',
      ])
    })

    it('keeps no more than SNAP_MAX where that was set beside them', () => {
      expect(reasons(days, { ...policy(1), keep: { ...keep, cap: 1 } })).to.include(
        'more than 1 (SNAP_MAX)',
      )
      expect(removed(days, { ...policy(1), keep: { ...keep, cap: 1 } })).to.have.lengthOf(5)
    })

    it('gives pinned ones, those in use and safety snapshots no place', () => {
      const [first, ...rest] = days.toReversed()
      const pinned = [...rest.toReversed(), { ...(first as Candidate), pinned: true }]
      const safety = candidate('safety', { safety: true, time: new Date('2026-11-20T16:00:00Z') })
      const inUse = { '20 03': 'in use' }
      expect(reasons([...pinned, safety], { ...policy(1, inUse), keep })).to.deep.equal([
        'no rule keeps it',
        'daily 2 of 2',
        'no rule keeps it',
        'last 1 of 1, daily 1 of 2',
        'in use',
        'pinned',
        'number 1 of the newest 1 safety snapshots (SNAP_MAX)',
      ])
    })

    it('keeps the newest without warnings of each volume, whatever they say', () => {
      const noise = days.slice(1).map((one) => ({ ...one, volumes: [flagged('data')] }))
      const plan = reasons([days[0] as Candidate, ...noise], { ...policy(1), keep })
      expect(plan[0]).to.equal('the newest of data without warnings')
    })
  })

  describe('for any store and any policy', () => {
    const ids = ['data', 'mail', 'web']
    const anyVolumes = fc.uniqueArray(
      fc.record({ id: fc.constantFrom(...ids), flagged: fc.boolean() }),
      { selector: ({ id }) => id, maxLength: ids.length },
    )
    const anyCandidates = fc
      .array(fc.record({ volumes: anyVolumes, pinned: fc.boolean(), safety: fc.boolean() }))
      .map((list) =>
        list.map((one, index) => ({ name: `s${index}`, time: new Date(index), ...one })),
      )
    const anyCase = anyCandidates.chain((candidates) =>
      fc.record({
        candidates: fc.constant(candidates),
        maxSnapshots: fc.integer({ min: 1, max: 12 }),
        inUse: fc.subarray(candidates.map(({ name }) => name)),
      }),
    )
    type Case = typeof anyCase extends fc.Arbitrary<infer T> ? T : never

    const rulesOf = ({ maxSnapshots, inUse }: Case): RetentionPolicy =>
      policy(maxSnapshots, Object.fromEntries(inUse.map((name) => [name, 'in use'])))
    const holds = (check: (one: Case, removals: ReadonlySet<string>) => void): void => {
      fc.assert(
        fc.property(anyCase, (one) => {
          check(one, new Set(removed(one.candidates, rulesOf(one))))
        }),
      )
    }

    it('decides once for each, in the order given', () => {
      holds((one) => {
        const plan = planRetention(one.candidates, rulesOf(one))
        expect(plan.map(({ name }) => name)).to.deep.equal(one.candidates.map(({ name }) => name))
      })
    })

    it('gives every decision a reason', () => {
      holds((one) => {
        expect(reasons(one.candidates, rulesOf(one))).not.to.include('')
      })
    })

    it('never removes a pinned one', () => {
      holds(({ candidates }, removals) => {
        const pinned = candidates.filter((each) => each.pinned)
        expect(pinned.some(({ name }) => removals.has(name))).to.equal(false)
      })
    })

    it('never removes one in use', () => {
      holds(({ inUse }, removals) => {
        expect(inUse.some((name) => removals.has(name))).to.equal(false)
      })
    })

    it('never removes the newest', () => {
      holds(({ candidates }, removals) => {
        expect(removals.has(candidates.at(-1)?.name ?? '')).to.equal(false)
      })
    })

    it('never removes the newest of a volume', () => {
      holds(({ candidates }, removals) => {
        for (const id of ids) {
          expect(removals.has(last(regularOf(candidates, id, [true, false])))).to.equal(false)
        }
      })
    })

    it('never removes the newest of a volume without warnings of it', () => {
      holds(({ candidates }, removals) => {
        for (const id of ids) {
          expect(removals.has(last(regularOf(candidates, id, [false])))).to.equal(false)
        }
      })
    })

    it('never removes all snapshots of a volume', () => {
      holds(({ candidates }, removals) => {
        for (const { name, volumes } of candidates.filter((each) => removals.has(each.name))) {
          for (const { id } of volumes) {
            const others = candidates.filter((each) => each.volumes.some((one) => one.id === id))
            expect(
              others.some((each) => !removals.has(each.name)),
              `${id} of ${name}`,
            ).to.equal(true)
          }
        }
      })
    })

    it('keeps more than the maximum only of the pinned, those in use and the last ones', () => {
      holds(({ candidates, inUse, maxSnapshots }, removals) => {
        const lastOnes = ids.flatMap((id) => {
          const holding = candidates.filter(({ volumes }) => volumes.some((one) => one.id === id))
          const regular = regularOf(candidates, id, [true, false])
          const newest = regular.length > 0 ? last(regular) : holding.at(-1)?.name
          return [newest, last(regularOf(candidates, id, [false])), candidates.at(-1)?.name]
        })
        for (const kind of [true, false]) {
          const counted = candidates
            .filter(({ safety }) => safety === kind)
            .filter(({ name, pinned }) => !pinned && !inUse.includes(name) && !removals.has(name))
          const exceptions = counted.slice(0, -maxSnapshots).map(({ name }) => name)
          expect(exceptions.filter((name) => !lastOnes.includes(name))).to.deep.equal([])
        }
      })
    })

    it('removes nothing while the maximum is not exceeded', () => {
      holds(({ candidates, maxSnapshots }, removals) => {
        if (candidates.length <= maxSnapshots) expect(removals.size).to.equal(0)
      })
    })

    it('removes nothing more when it is applied again', () => {
      holds((one, removals) => {
        const left = one.candidates.filter(({ name }) => !removals.has(name))
        expect(removed(left, rulesOf(one))).to.deep.equal([])
      })
    })
  })
})

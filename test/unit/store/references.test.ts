import { expect } from 'chai'
import * as fc from 'fast-check'
import { OperationError } from '../../../src/errors.ts'
import type { Catalog } from '../../../src/store/catalog.ts'
import { resolveReference } from '../../../src/store/references.ts'
import { aCatalog, aSnapshot } from '../support/snapshots.ts'

const now = new Date('2026-11-21T12:00:00Z')
const first = '@GMT-2026.11.18-03.00.00'
const second = '@GMT-2026.11.19-03.00.00'
const third = '@GMT-2026.11.20-03.00.00'
const safety = '@GMT-2026.11.21-09.30.00'

const catalog = aCatalog([
  aSnapshot(first),
  aSnapshot(second),
  aSnapshot(third),
  aSnapshot(safety, { kind: 'safety' }),
])

function resolve(reference: string, from: Catalog = catalog): string {
  return resolveReference(from, reference, now).name
}

describe('resolveReference', () => {
  describe('by name', () => {
    it('finds a full name', () => {
      expect(resolve(second)).to.equal(second)
    })

    it('finds a safety snapshot by its full name', () => {
      expect(resolve(safety)).to.equal(safety)
    })

    it('finds a beginning that fits one snapshot', () => {
      expect(resolve('@GMT-2026.11.19')).to.equal(second)
    })

    it('finds a beginning without @GMT-', () => {
      expect(resolve('2026.11.19')).to.equal(second)
    })

    it('finds a safety snapshot by a beginning', () => {
      expect(resolve('@GMT-2026.11.21')).to.equal(safety)
    })

    it('refuses a beginning that fits several, and names how many', () => {
      expect(() => resolve('@GMT-2026.11')).to.throw(
        OperationError,
        `fits 4 snapshots, from ${first} to ${safety}: write more of the name`,
      )
    })

    it('refuses an ambiguous beginning of which one is a safety snapshot', () => {
      const both = aCatalog([
        aSnapshot('@GMT-2026.11.21-09.00.00'),
        aSnapshot(safety, { kind: 'safety' }),
      ])
      expect(() => resolve('2026.11.21', both)).to.throw('fits 2 snapshots')
    })

    it('refuses a beginning that says next to nothing', () => {
      expect(() => resolve('@', aCatalog([aSnapshot(first)]))).to.throw('there is no snapshot "@"')
    })

    it('refuses the end of a name', () => {
      expect(() => resolve('03.00.00')).to.throw('there is no snapshot "03.00.00"')
    })

    it('refuses a name with something behind it', () => {
      expect(() => resolve(`${third}/mysql`)).to.throw('there is no snapshot')
    })

    it('finds every snapshot by its full name, however many there are', () => {
      const seconds = fc.uniqueArray(fc.integer({ min: 10, max: 59 }), { minLength: 1 })
      fc.assert(
        fc.property(seconds, fc.nat(), (list, pick) => {
          const names = list
            .toSorted((one, other) => one - other)
            .map((value) => `@GMT-2026.11.20-03.00.${value}`)
          const wanted = names[pick % names.length] ?? ''
          expect(resolve(wanted, aCatalog(names.map((name) => aSnapshot(name))))).to.equal(wanted)
        }),
      )
    })
  })

  describe('by latest', () => {
    it('finds the newest snapshot, passing over safety snapshots', () => {
      expect(resolve('latest')).to.equal(third)
    })

    it('counts back from it', () => {
      expect(resolve('latest~2')).to.equal(first)
    })

    it('takes latest~0 for latest', () => {
      expect(resolve('latest~0')).to.equal(third)
    })

    it('refuses to count back past the oldest, and says how many there are', () => {
      expect(() => resolve('latest~3')).to.throw(
        OperationError,
        'there is no latest~3: without safety snapshots the store has 3',
      )
    })

    it('refuses latest in an empty store', () => {
      expect(() => resolve('latest', aCatalog([]))).to.throw('there is no latest')
    })

    it('refuses latest where there are only safety snapshots', () => {
      const only = aCatalog([aSnapshot(safety, { kind: 'safety' })])
      expect(() => resolve('latest', only)).to.throw('there is no latest')
    })

    for (const wrong of ['latest~', 'latest~-1', 'latest~x', 'latest2', 'Latest', 'latest ']) {
      it(`does not take ${JSON.stringify(wrong)} for it`, () => {
        expect(() => resolve(wrong)).to.throw('there is no snapshot')
      })
    }
  })

  describe('where one is of the future', () => {
    const future = '@GMT-2099.01.01-00.00.00'
    const after = '@GMT-2026.11.21-03.00.00'
    const unknown = aCatalog([aSnapshot(first), aSnapshot(second), aSnapshot(future)])
    const known = aCatalog([
      aSnapshot(first),
      aSnapshot(after, { afterFuture: [future] }),
      aSnapshot(future),
    ])

    it('finds it by its name, and by its beginning', () => {
      expect(resolve(future, unknown)).to.equal(future)
      expect(resolve('2099', unknown)).to.equal(future)
    })

    for (const reference of ['latest', 'latest~1', '2026-11-20', '0 seconds ago']) {
      it(`refuses ${reference} while it may be newer than the others`, () => {
        expect(() => resolve(reference, unknown)).to.throw(
          OperationError,
          `${reference} may mean ${future}, which a wrong clock named, or ${second}`,
        )
      })
    }

    it('takes a time before others for what it is', () => {
      expect(resolve('2026-11-18', unknown)).to.equal(first)
    })

    it('passes over it when another one was taken since', () => {
      expect(resolve('latest', known)).to.equal(after)
      expect(resolve('latest~1', known)).to.equal(first)
      expect(resolve('2100-01-01', known)).to.equal(after)
    })

    it('passes over what a restore replaced', () => {
      const replaced = aCatalog([aSnapshot(first), aSnapshot(future, { kind: 'safety' })])
      expect(resolve('latest', replaced)).to.equal(first)
    })

    it('says so where there is no other', () => {
      expect(() => resolve('latest', aCatalog([aSnapshot(future)]))).to.throw('and 1 of the future')
    })

    it('finds one by a name that it had, and by its new one', () => {
      const renamed = aCatalog([aSnapshot(first, { formerNames: [future] }), aSnapshot(second)])
      expect([future, first].map((name) => resolve(name, renamed))).to.deep.equal([first, first])
      expect(resolve('latest', renamed)).to.equal(second)
    })
  })

  describe('where one was named by a clock that was set back', () => {
    const misnamed = '@GMT-2026.06.01-03.00.00'
    const oldest = '@GMT-2026.05.01-03.00.00'
    const newest = '@GMT-2026.11.21-03.00.00'
    const afterAll = { afterFuture: [first, second, third] }
    const others = [aSnapshot(first), aSnapshot(second), aSnapshot(third)]
    const set = aCatalog([aSnapshot(oldest), aSnapshot(misnamed, afterAll), ...others])
    const later = aCatalog([...set.snapshots, aSnapshot(newest)])

    for (const reference of ['latest', 'latest~1', '2026-11-19', '0 seconds ago']) {
      it(`refuses ${reference}, which it may mean`, () => {
        expect(() => resolve(reference, set)).to.throw(
          OperationError,
          new RegExp(`^${reference} may mean ${misnamed} or @GMT-2026.11.*snap-volume rename`),
        )
      })
    }

    it('refuses the time that it is named for', () => {
      expect(() => resolve('2026-06-01', set)).to.throw(`may mean ${misnamed} or ${third}`)
    })

    it('takes a time before it, a name and the newest one after it for what they are', () => {
      expect(resolve('2026-05-20', set)).to.equal(oldest)
      expect(resolve('2026.06', set)).to.equal(misnamed)
      expect(resolve(third, set)).to.equal(third)
      expect(resolve('latest', later)).to.equal(newest)
      expect(() => resolve('latest~1', later)).to.throw(`may mean ${misnamed} or ${third}`)
    })

    it('passes over what a restore replaced', () => {
      const replaced = aCatalog([aSnapshot(misnamed, { ...afterAll, kind: 'safety' }), ...others])
      expect(resolve('latest', replaced)).to.equal(third)
    })

    it('is sure again once either has another name', () => {
      const mended = aSnapshot(newest, { ...afterAll, formerNames: [misnamed] })
      expect(resolve('latest', aCatalog([...others, mended]))).to.equal(newest)
      const before = aSnapshot('@GMT-2026.05.31-00.00.00', { formerNames: [third] })
      const known = { afterFuture: [third] }
      expect(resolve('latest', aCatalog([before, aSnapshot(misnamed, known)]))).to.equal(misnamed)
    })
  })

  describe('by time', () => {
    const times: [reference: string, expected: string, what: string][] = [
      ['2026-11-19', second, 'a date for its whole day'],
      ['2026-11-19T03:00Z', second, 'a time for a snapshot of that very second'],
      ['2026-11-19T02:59Z', first, 'a time for the newest before it'],
      ['2026-11-19T02:59:59', first, 'a time without a zone as GMT'],
      ['2026-11-19T05:00+02:00', second, 'a time in another zone'],
      ['2026-11-19 03:00', second, 'a time with a blank instead of T'],
      ['2026-11-30', third, 'a date to come, passing over safety snapshots'],
      ['2 days ago', second, 'a count of days'],
      ['1 day ago', third, 'one day'],
      ['56 hours ago', second, 'a count of hours'],
      ['0 seconds ago', third, 'now'],
    ]
    for (const [reference, expected, what] of times) {
      it(`takes ${what} (${reference})`, () => {
        expect(resolve(reference)).to.equal(expected)
      })
    }

    it('refuses a time before the oldest, and names the oldest', () => {
      expect(() => resolve('2026-11-01')).to.throw(
        OperationError,
        `there is no snapshot at or before 2026-11-01T23:59:59.999Z: the oldest is ${first}`,
      )
    })

    it('refuses a time when there are only safety snapshots', () => {
      const only = aCatalog([aSnapshot(safety, { kind: 'safety' })])
      expect(() => resolve('2026-11-30', only)).to.throw(OperationError, 'the store has none')
    })

    it('refuses a time so long ago that no calendar has it', () => {
      expect(() => resolve('999999 years ago')).to.throw(OperationError)
    })

    for (const wrong of ['2026-02-30', '2026-11-19T99:00', '2026-11-19nonsense', 'yesterday']) {
      it(`does not take ${wrong} for a time`, () => {
        expect(() => resolve(wrong)).to.throw(OperationError, 'there is no snapshot')
      })
    }

    it('never finds one that is younger than the time', () => {
      const anyTime = fc.date({
        min: new Date('2026-11-18T03:00:00Z'),
        max: new Date('2026-11-25T00:00:00Z'),
        noInvalidDate: true,
      })
      fc.assert(
        fc.property(anyTime, (time) => {
          const found = resolveReference(catalog, time.toISOString(), now)
          expect(found.time.getTime()).to.be.at.most(time.getTime())
        }),
      )
    })
  })

  describe('what it cannot find', () => {
    it('says how to take one when the store is empty', () => {
      expect(() => resolve('2026', aCatalog([]))).to.throw(
        'there is no snapshot "2026": the store has none; take one with "snap-volume snapshot"',
      )
    })

    it('says what latest would be', () => {
      expect(() => resolve('nonsense')).to.throw('see "snap-volume show", or say latest for')
    })

    it('refuses a damaged one by its name, says why, and where its data are', () => {
      const damaged = {
        ...catalog,
        damaged: [{ name: '@GMT-2026.11.17-03.00.00', path: '/opt/.snap/x', problem: 'not JSON' }],
      }
      expect(() => resolve('@GMT-2026.11.17-03.00.00', damaged)).to.throw(
        OperationError,
        /damaged \(not JSON\); its data can be copied by hand from \/opt\/\.snap\/x/,
      )
    })

    it('answers any text with a snapshot or with one line', () => {
      fc.assert(
        fc.property(fc.string({ unit: 'binary' }), (text) => {
          try {
            resolve(text)
          } catch (error) {
            expect(error).to.be.instanceOf(OperationError)
            expect((error as Error).message).not.to.include('\n')
          }
        }),
      )
    })
  })
})

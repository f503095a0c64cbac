import { expect } from 'chai'
import * as fc from 'fast-check'
import { formatRecord, parseRecord } from '../../../src/store/record.ts'
import { aRecord } from '../support/snapshots.ts'

const name = '@GMT-2026.11.20-03.00.00'
const record = aRecord(name)

/** The text of a record in which some keys are replaced by what somebody else wrote. */
function forged(keys: object): string {
  return JSON.stringify({ ...record, ...keys })
}

describe('parseRecord', () => {
  it('reads back what formatRecord wrote', () => {
    expect(parseRecord(formatRecord(record))).to.deep.equal(record)
  })

  it('reads back any comment, warning and label', () => {
    const text = fc.string({ unit: 'binary' })
    const key = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,20}$/)
    const differences = fc.record({
      comment: fc.option(text),
      pinned: fc.boolean(),
      labels: fc
        .array(fc.tuple(key, text))
        .map((pairs): Record<string, string> => Object.fromEntries(pairs)),
      warnings: fc.array(fc.record({ code: text, message: text, paths: fc.array(text) })),
    })
    fc.assert(
      fc.property(differences, (one) => {
        expect(parseRecord(formatRecord({ ...record, ...one }))).to.deep.equal({
          ...record,
          ...one,
        })
      }),
    )
  })

  for (const label of ['constructor', 'prototype']) {
    it(`reads back a label named ${label}`, () => {
      const labels = { [label]: 'x' }
      expect(parseRecord(formatRecord({ ...record, labels })).labels).to.deep.equal(labels)
    })
  }

  it('passes over keys it does not know, which a later version wrote', () => {
    expect(parseRecord(forged({ later: { version: 2 } }))).to.deep.equal(record)
  })

  const broken: [what: string, text: string, message: RegExp][] = [
    ['nothing', '', /JSON/],
    ['what is not JSON', 'schema: 1', /JSON/],
    ['half of a record', formatRecord(record).slice(0, 200), /JSON/],
    ['null', 'null', /document/],
    ['a list', '[]', /schema/],
    ['a text', '"record"', /document/],
    ['another schema version', forged({ schema: 2 }), /^schema: /],
    ['no name', forged({ name: undefined }), /^name: /],
    ['a name that is no name of a snapshot', forged({ name: '../../etc' }), /^name: not the name/],
    ['an unknown kind', forged({ kind: 'weekly' }), /^kind: /],
    ['a time that is none', forged({ startedAt: 'yesterday' }), /^startedAt: /],
    ['a pin that is a text', forged({ pinned: 'no' }), /^pinned: /],
    ['a comment that is a number', forged({ comment: 7 }), /^comment: /],
    ['labels that are no texts', forged({ labels: { a: 1 } }), /^labels\b/],
    ['volumes that are no list', forged({ volumes: { 0: {} } }), /^volumes: /],
    ['a volume that is none', forged({ volumes: [null] }), /^volumes\.0: /],
    ['a warning without a code', forged({ warnings: [{ message: 'x' }] }), /^warnings\.0\.code: /],
  ]
  for (const [what, text, message] of broken) {
    it(`refuses ${what}`, () => {
      expect(() => parseRecord(text)).to.throw(Error, message)
    })
  }

  const hostileVolumes: [what: string, keys: object, message: RegExp][] = [
    ['an id that leads out of the snapshot', { id: '../../etc' }, /^volumes\.0\.id: /],
    ['an empty id', { id: '' }, /^volumes\.0\.id: /],
    ['a base that is a path', { base: '../..' }, /^volumes\.0\.base: /],
    ['contents without counts', { contents: {} }, /^volumes\.0\.contents\.files: /],
  ]
  for (const [what, keys, message] of hostileVolumes) {
    it(`refuses a volume with ${what}`, () => {
      const [volume] = record.volumes
      expect(() => parseRecord(forged({ volumes: [{ ...volume, ...keys }] }))).to.throw(message)
    })
  }

  for (const count of [-1, 0.5, 1e300, '3', null]) {
    it(`refuses a count of ${JSON.stringify(count)}`, () => {
      const [volume] = record.volumes
      const contents = { ...volume?.contents, files: count }
      expect(() => parseRecord(forged({ volumes: [{ ...volume, contents }] }))).to.throw(
        /^volumes\.0\.contents\.files: /,
      )
    })
  }

  it('refuses a time of which no date can be made', () => {
    const text = forged({ startedAt: '2026-11-20T03:00:00+05' })
    expect(() => parseRecord(text)).to.throw(/^startedAt: /)
  })

  it('refuses deep nesting without running out of stack', () => {
    const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000)
    expect(() => parseRecord(`{"schema":1,"name":${deep}}`)).to.throw(/^name: /)
  })

  it('lets no __proto__ through', () => {
    const text = formatRecord(record).replace('"labels": {}', '"labels": {"__proto__": "x"}')
    expect(Object.getPrototypeOf(parseRecord(text).labels)).to.equal(Object.prototype)
  })

  it('lets no __proto__ stand for what is missing', () => {
    const { comment: _, ...rest } = record
    const text = JSON.stringify(rest).replace(/^\{/, '{"__proto__":{"comment":"x"},')
    expect(() => parseRecord(text)).to.throw(/^comment: /)
  })

  it('refuses any other JSON with an error and nothing else', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(() => parseRecord(text)).to.throw(Error)
      }),
    )
  })
})

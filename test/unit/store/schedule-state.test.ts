import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { type StoreLayout, storeLayout } from '../../../src/store/layout.ts'
import { readNextRun, writeNextRun } from '../../../src/store/schedule-state.ts'
import { makeFifo } from '../support/fifo.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('the note of the next run', () => {
  const directory = useTemporaryDirectory()
  const store = (): StoreLayout => storeLayout(directory.path)

  beforeEach(() => mkdirSync(store().own))

  it('is read back as it was written', () => {
    const time = fc.date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    })
    fc.assert(
      fc.property(time, (next) => {
        writeNextRun(store(), next)
        expect(readNextRun(store())).to.deep.equal(next)
      }),
      { numRuns: 30 },
    )
  })

  it('is nothing where no daemon left one', () => {
    expect(readNextRun(store())).to.equal(undefined)
  })

  const broken = [
    '',
    'x',
    'null',
    '[]',
    '{}',
    '{"nextRun":0}',
    '{"nextRun":"tomorrow"}',
    '{"nextRun":"2026-11-20T03:00:00+05"}',
    '{"__proto__":{"nextRun":"2026-11-20T03:00:00Z"}}',
  ]
  for (const text of broken) {
    it(`is nothing when it is ${JSON.stringify(text)}`, () => {
      writeFileSync(store().schedule, text)
      expect(readNextRun(store())).to.equal(undefined)
    })
  }

  it('is nothing when it is a FIFO', () => {
    makeFifo(store().schedule)
    expect(readNextRun(store())).to.equal(undefined)
  })

  it('is nothing when it is a symbolic link', () => {
    writeFileSync(`${store().own}/other`, '{"nextRun":"2026-11-20T03:00:00Z"}')
    symlinkSync('other', store().schedule)
    expect(readNextRun(store())).to.equal(undefined)
  })
})

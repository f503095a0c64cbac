import { expect } from 'chai'
import { parseIdMap } from '../../../src/system/user-namespace.ts'

describe('parseIdMap', () => {
  const whole: [what: string, map: string][] = [
    ['in one range', '         0          0 4294967295\n'],
    ['in several', '0 0 65536\n65536 65536 4294901759\n'],
  ]
  for (const [what, map] of whole) {
    it(`finds nothing where all ids are known, ${what}`, () => {
      expect(parseIdMap(map, 65_534)).to.equal(undefined)
    })
  }

  it('tells which are known, and whether one of them is what the others look like', () => {
    expect(parseIdMap('0 100000 65536\n', 65_534)).to.deep.equal({
      known: '0 to 65535',
      overflowId: 65_534,
      isOverflowKnown: true,
      outsideOfRoot: 100_000,
    })
    expect(parseIdMap('0 1000 1\n1 100000 999\n', 65_534)).to.deep.equal({
      known: '0, 1 to 999',
      overflowId: 65_534,
      isOverflowKnown: false,
      outsideOfRoot: 1000,
    })
  })

  it('knows nobody in an empty map', () => {
    expect(parseIdMap('', 65_534)).to.include({ known: '', outsideOfRoot: undefined })
  })
})

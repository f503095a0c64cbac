import { expect } from 'chai'
import { nearestOf } from '../../../src/system/nearest.ts'

const known = ['start', 'show', 'snapshot', 'restore', 'status', 'version']

describe('nearestOf', () => {
  for (const [word, nearest] of [
    ['strat', 'start'],
    ['SHOW', 'show'],
    ['sohw', 'show'],
    ['snapshots', 'snapshot'],
    ['restroe', 'restore'],
    ['stats', 'status'],
    ['verison', 'version'],
    ['vers', 'version'],
    ['stat', 'status'],
    ['hsow', 'show'],
  ] as const) {
    it(`takes ${word} for ${nearest}`, () => {
      expect(nearestOf(word, known)).to.equal(nearest)
    })
  }

  for (const word of ['', 'x', 'rm', 'remove', 'backup', 'nonsense', '__proto__', 'toString']) {
    it(`takes ${JSON.stringify(word)} for nothing`, () => {
      expect(nearestOf(word, known)).to.equal(undefined)
    })
  }

  it('prefers one with the same first letter', () => {
    expect(nearestOf('ys', ['as', 'yes'])).to.equal('yes')
  })

  it('finds two letters the other way round in a short word', () => {
    expect(nearestOf('lgo', ['label', 'log'])).to.equal('log')
    expect(nearestOf('yse', ['as', 'yes'])).to.equal('yes')
  })

  it('gives it as it is known', () => {
    expect(nearestOf('SNAP_CORN', ['SNAP_MAX', 'SNAP_CRON'])).to.equal('SNAP_CRON')
  })

  it('takes nothing where nothing is known', () => {
    expect(nearestOf('x', [])).to.equal(undefined)
  })
})

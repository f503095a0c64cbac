import { expect } from 'chai'
import { formatRatio, median, ratioToOurs, secondsOf } from '../../../bench/figures.ts'

describe('median', () => {
  it('is the value in the middle', () => {
    expect(median([3, 100, 1])).to.equal(3)
  })

  it('is between the two in the middle', () => {
    expect(median([4, 1, 100, 2])).to.equal(3)
  })

  it('compares as numbers, not as words', () => {
    expect(median([9, 10, 11])).to.equal(10)
  })
})

describe('ratioToOurs', () => {
  const ours = { name: 'ours', values: [2, 2, 2] }
  const other = { name: 'other', values: [9, 1, 5] }

  it('divides medians by that of the first', () => {
    expect(ratioToOurs(secondsOf('a title', [ours, other]), other)).to.equal(2.5)
  })

  it('is 1 for the first', () => {
    expect(ratioToOurs(secondsOf('a title', [ours, other]), ours)).to.equal(1)
  })

  it('is not there where nothing is compared', () => {
    const figures = { ...secondsOf('a title', [ours, other]), isComparison: false }
    expect(ratioToOurs(figures, other)).to.equal(undefined)
  })
})

describe('formatRatio', () => {
  it('has two decimals', () => {
    expect(formatRatio(4.309)).to.equal('4.31x')
  })
})

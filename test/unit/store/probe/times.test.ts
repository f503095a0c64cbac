import { expect } from 'chai'
import { describeRange } from '../../../../src/store/probe/times.ts'

describe('describeRange', () => {
  it('names the years from which on times are not kept', () => {
    expect(describeRange({ mtimeRange: { from: 0, to: 2 ** 31 - 1 } })).to.deep.equal([
      'times before 1970',
      'times after 2038',
    ])
  })

  it('says nothing where all are kept', () => {
    expect(describeRange({})).to.deep.equal([])
  })
})

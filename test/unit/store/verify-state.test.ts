import { expect } from 'chai'
import { mergeDamage } from '../../../src/store/verify-state.ts'

describe('mergeDamage', () => {
  it('adds what is found, and counts nothing twice', () => {
    const after = mergeDamage({ count: 2, paths: ['a', 'b'] }, ['b', 'c'], new Set())
    expect(after).to.deep.equal({ count: 3, paths: ['a', 'b', 'c'] })
  })

  it('takes out what is repaired, and nothing that nobody knew', () => {
    const after = mergeDamage({ count: 1, paths: ['a'] }, [], new Set(['b']))
    expect(after).to.deep.equal({ count: 1, paths: ['a'] })
    expect(mergeDamage(after, [], new Set(['a'])).count).to.equal(0)
  })

  it('counts those that are too many to be kept', () => {
    const many = Array.from({ length: 1200 }, (_, index) => `${index}`)
    const after = mergeDamage({ count: 0, paths: [] }, many, new Set())
    expect(after.count).to.equal(1200)
    expect(mergeDamage(after, [], new Set(many)).count).to.equal(200)
  })
})

import { expect } from 'chai'
import { allAbilities, recordOfAbilities, silentLacks } from '../../../src/store/abilities.ts'

describe('The abilities of a store', () => {
  it('leave nothing in a record where all is kept', () => {
    expect(recordOfAbilities(allAbilities)).to.deep.equal({})
  })

  it('are in a record where something is not kept', () => {
    const abilities = { lacks: ['owners'], mtimeStepNs: 100, mtimeRange: { from: 0, to: 9 } }
    expect(recordOfAbilities(abilities)).to.deep.equal({
      storeLacks: ['owners'],
      mtimeStepNs: 100,
    })
  })

  it('tell what goes wrong without a word from what does not', () => {
    const lacks = ['owners', 'names not in UTF-8', 'case', 'times before 1970', 'constructor']
    expect(silentLacks({ ...allAbilities, lacks })).to.deep.equal(['owners', 'case'])
  })
})

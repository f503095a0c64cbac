import { expect } from 'chai'
import { sample } from '../support/sample.ts'

const numbers = Array.from({ length: 300 }, (_, index) => index)

describe('sample', () => {
  it('has one of each part of the list', () => {
    const taken = sample(numbers, 10, 'parts')
    expect(taken.map((number) => Math.floor(number / 30))).to.deep.equal([...Array(10).keys()])
  })

  it('has all where these are few', () => {
    expect(sample([1, 2, 3], 4, 'few')).to.deep.equal([1, 2, 3])
  })

  it('has as many as it is asked for where the parts are not equal', () => {
    expect(new Set(sample(numbers.slice(0, 11), 4, 'unequal')).size).to.equal(4)
  })

  it('is the same for the same seed and name, and another one for another', () => {
    expect(sample(numbers, 50, 'one')).to.deep.equal(sample(numbers, 50, 'one'))
    expect(sample(numbers, 50, 'one')).not.to.deep.equal(sample(numbers, 50, 'other'))
  })

  it('does not always take the first', () => {
    const places = sample(numbers, 100, 'places').map((number) => number % 3)
    expect(new Set(places).size).to.equal(3)
  })
})

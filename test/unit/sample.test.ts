import { expect } from 'chai'
import Mocha from 'mocha'
import { howOften, isThorough, roundsOf, sample, trySome } from '../support/sample.ts'

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

describe('A suite of which a run tries some', () => {
  it('has so many of its tests', () => {
    const suite = suiteOf('some')
    trySome({ tests: 6 }, suite)
    expect(suite.total()).to.equal(isThorough ? 40 : 6)
  })

  it('has all of them in one run of so many', () => {
    const totals = numbers.map((number) => {
      const suite = suiteOf(`suite ${number}`)
      trySome({ oneIn: 3 }, suite)
      return suite.total()
    })
    expect(new Set(totals)).to.deep.equal(new Set(isThorough ? [40] : [0, 40]))
    expect(totals.filter(Boolean).length).to.be.within(
      isThorough ? 300 : 60,
      isThorough ? 300 : 140,
    )
  })
})

function suiteOf(title: string): Mocha.Suite {
  const [outer, inner] = [new Mocha.Suite(title), new Mocha.Suite('inner')]
  outer.addSuite(inner)
  for (const suite of [outer, inner]) {
    for (let count = 0; count < 20; count += 1) suite.addTest(new Mocha.Test(`${count}`, () => {}))
  }
  return outer
}

describe('roundsOf', () => {
  afterEach(() => {
    delete process.env['SNAP_VOLUME_TEST_ROUNDS']
  })

  it('is what SNAP_VOLUME_TEST_ROUNDS says', () => {
    process.env['SNAP_VOLUME_TEST_ROUNDS'] = '500'
    expect(roundsOf(20, 2)).to.equal(500)
  })

  it('is else as often as anything is tried', () => {
    delete process.env['SNAP_VOLUME_TEST_ROUNDS']
    expect(roundsOf(20, 2)).to.equal(howOften(20, 2))
  })
})

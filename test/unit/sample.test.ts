import { expect } from 'chai'
import { sample } from '../support/sample.ts'

const calls = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => ({ name, when: index + 1 }))

describe('sample', () => {
  it('has one of each so many that follow one another', () => {
    const whens = sample(calls('rename', 30), 3).map(({ when }) => when)
    expect(whens.map((when) => Math.floor((when - 1) / 3))).to.deep.equal([...Array(10).keys()])
  })

  it('has at least one of every kind', () => {
    const taken = sample([...calls('rename', 30), ...calls('fsync', 1), ...calls('link', 4)], 3)
    const counts = Map.groupBy(taken, ({ name }) => name)
    expect([...counts].map(([name, { length }]) => [name, length])).to.deep.equal([
      ['rename', 10],
      ['fsync', 1],
      ['link', 2],
    ])
  })

  it('is the same for the same seed', () => {
    const all = calls('rename', 300)
    expect(sample(all, 3)).to.deep.equal(sample(all, 3))
  })

  it('does not always take the first', () => {
    const whens = sample(calls('rename', 300), 3).map(({ when }) => when % 3)
    expect(new Set(whens).size).to.equal(3)
  })
})

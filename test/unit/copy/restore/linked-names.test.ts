import { expect } from 'chai'
import { LinkedNames } from '../../../../src/copy/restore/linked-names.ts'

function groupsOf(...names: [path: string, inode: bigint][]): string[][] {
  const linked = new LinkedNames()
  for (const [path, inode] of names) linked.add(path, inode, undefined)
  return linked.groups().map((group) => group.map(({ path }) => path))
}

describe('LinkedNames', () => {
  it('finds no group where there is no name', () => {
    expect(groupsOf()).to.deep.equal([])
  })

  it('passes over names that are alone', () => {
    expect(groupsOf(['a', 1n], ['b', 2n])).to.deep.equal([])
  })

  it('finds names of one file, with others between them', () => {
    const names: [string, bigint][] = [
      ['d/a', 7n],
      ['b', 2n],
      ['e/c', 7n],
      ['f', 1n],
      ['g', 7n],
    ]
    expect(groupsOf(...names)).to.deep.equal([['d/a', 'e/c', 'g']])
  })

  it('keeps inodes apart that are equal as floating-point numbers', () => {
    const large = 2n ** 63n
    expect(groupsOf(['a', large], ['b', large + 1n], ['c', large + 1n])).to.deep.equal([['b', 'c']])
  })

  it('gives back what the live data have', () => {
    const linked = new LinkedNames()
    linked.add('a', 1n, 5n)
    linked.add('b', 1n, undefined)
    expect(linked.groups()).to.deep.equal([
      [
        { path: 'a', live: 5n },
        { path: 'b', live: undefined },
      ],
    ])
  })

  it('takes more than there is room for at first', () => {
    const linked = new LinkedNames()
    for (let index = 0; index < 5000; index += 1) linked.add(`${index}`, BigInt(index), 0n)
    linked.add('last', 4999n, 7n)
    expect(linked.groups()).to.deep.equal([
      [
        { path: '4999', live: undefined },
        { path: 'last', live: 7n },
      ],
    ])
  })
})

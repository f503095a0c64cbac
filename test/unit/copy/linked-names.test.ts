import { expect } from 'chai'
import { LinkedNames } from '../../../src/copy/linked-names.ts'

function groupsOf(...names: [path: string, inode: bigint][]): string[][] {
  const linked = new LinkedNames()
  for (const [path, inode] of names) linked.add(path, inode)
  return linked.groups()
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
})

import { linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { findMergedPaths } from '../../../../src/copy/programs/link-groups.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

const directory = { path: '' }
const inside = (...names: string[]): string => join(directory.path, ...names)

/** Makes a tree in which the names of each group are one file. */
function plant(tree: string, ...groups: string[][]): void {
  for (const [first = '', ...others] of groups) {
    mkdirSync(inside(tree), { recursive: true })
    writeFileSync(inside(tree, first), first)
    for (const other of others) linkSync(inside(tree, first), inside(tree, other))
  }
}

const merged = (...paths: string[]): string[] =>
  findMergedPaths(inside('source'), inside('staged'), paths).toSorted()

describe('link groups', () => {
  const temporary = useTemporaryDirectory()

  beforeEach(() => {
    directory.path = temporary.path
  })

  describe('findMergedPaths', () => {
    it('finds names that are one file in staging and two in the source', () => {
      plant('source', ['a'], ['b'])
      plant('staged', ['a', 'b'])
      expect(merged('a', 'b')).to.deep.equal(['a', 'b'])
    })

    it('finds all names of a group of which one left', () => {
      plant('source', ['a', 'b'], ['c'])
      plant('staged', ['a', 'b', 'c'])
      expect(merged('a', 'b', 'c')).to.deep.equal(['a', 'b', 'c'])
    })

    it('looks at no other names than it is told', () => {
      plant('source', ['a', 'b'], ['c'])
      plant('staged', ['a', 'b', 'c'])
      expect(merged('a', 'b')).to.deep.equal([])
    })

    it('passes over a group that the source has too', () => {
      plant('source', ['a', 'b'])
      plant('staged', ['a', 'b'])
      expect(merged('a', 'b')).to.deep.equal([])
    })

    it('passes over files that only other snapshots share', () => {
      plant('source', ['a'])
      plant('staged', ['a'])
      linkSync(inside('staged/a'), inside('elsewhere'))
      expect(merged('a')).to.deep.equal([])
    })

    it('passes over names that staging does not have', () => {
      plant('source', ['a'])
      plant('staged', ['b'])
      expect(merged('a')).to.deep.equal([])
    })

    it('finds a group of which a name vanished from the source', () => {
      plant('source', ['a'])
      plant('staged', ['a', 'b'])
      expect(merged('a', 'b')).to.deep.equal(['a', 'b'])
    })
  })
})

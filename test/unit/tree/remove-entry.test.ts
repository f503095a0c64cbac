import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { removeBelow, removeEntries, removeEntry } from '../../../src/tree/remove-entry.ts'
import { TreeReader } from '../../../src/tree/tree-reader.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('an entry that is removed', () => {
  const directory = useTemporaryDirectory()
  const inside = (...names: string[]): string => join(directory.path, ...names)

  const remove = (path: string): void => {
    using reader = new TreeReader(inside('tree'))
    removeBelow(reader, path)
  }

  beforeEach(() => {
    mkdirSync(inside('tree/d/e'), { recursive: true })
    writeFileSync(inside('tree/d/a'), '')
    writeFileSync(inside('tree/d/e/b'), '')
    mkdirSync(inside('elsewhere'))
    writeFileSync(inside('elsewhere/a'), 'precious')
  })

  it('is a file', () => {
    removeEntry(inside('tree/d/a'))
    expect(readdirSync(inside('tree/d'))).to.deep.equal(['e'])
  })

  it('is a directory with all that is in it', () => {
    removeEntry(inside('tree/d'))
    expect(readdirSync(inside('tree'))).to.deep.equal([])
  })

  it('is a link, and not what it leads to, at any depth', () => {
    symlinkSync(inside('elsewhere'), inside('tree/l'))
    symlinkSync(inside('elsewhere'), inside('tree/d/e/l'))
    removeEntry(inside('tree/l'))
    removeEntry(inside('tree/d'))
    expect([readdirSync(inside('tree')), readdirSync(inside('elsewhere'))]).to.deep.equal([
      [],
      ['a'],
    ])
  })

  it('has a name of any bytes', () => {
    mkdirSync(Buffer.from(inside('tree/\xff\n'), 'latin1'))
    writeFileSync(Buffer.from(inside('tree/\xff\n/\xfe'), 'latin1'), '')
    removeEntry(inside('tree/\xff\n'))
    expect(readdirSync(inside('tree'))).to.deep.equal(['d'])
  })

  it('may be gone already', () => {
    expect(() => removeEntry(inside('tree/x'))).not.to.throw()
  })

  it('is each that a directory has, and not the directory', () => {
    removeEntries(inside('tree'))
    expect(readdirSync(inside('tree'))).to.deep.equal([])
  })

  describe('below a tree', () => {
    it('is never reached through a link', () => {
      symlinkSync(inside('elsewhere'), inside('tree/l'))
      remove('l/a')
      expect(existsSync(inside('elsewhere/a'))).to.equal(true)
    })
  })
})

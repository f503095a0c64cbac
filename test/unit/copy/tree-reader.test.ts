import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { TreeReader } from '../../../src/copy/tree-reader.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('a path below a tree', () => {
  const directory = useTemporaryDirectory()
  const inside = (...names: string[]): string => join(directory.path, ...names)
  let reader: TreeReader

  beforeEach(() => {
    mkdirSync(inside('tree/d/e'), { recursive: true })
    mkdirSync(inside('elsewhere'))
    writeFileSync(inside('elsewhere/a'), 'precious')
    reader = new TreeReader(inside('tree'))
  })

  afterEach(() => reader[Symbol.dispose]())

  it('is looked at, however deep it is', () => {
    writeFileSync(inside('tree/d/e/a'), '123')
    expect(reader.lstat('d/e/a')?.size).to.equal(3n)
  })

  it('is looked at in one directory after the other', () => {
    writeFileSync(inside('tree/d/e/a'), '123')
    writeFileSync(inside('tree/b'), '12')
    const sizes = ['d/e/a', 'b', 'd/e', 'd/e/a'].map((path) => reader.lstat(path)?.isFile())
    expect(sizes).to.deep.equal([true, true, false, true])
  })

  it('is looked at as a link when it is one', () => {
    symlinkSync('/etc', inside('tree/l'))
    expect(reader.lstat('l')?.isSymbolicLink()).to.equal(true)
  })

  it('is nothing when it is not there, nor a directory above it', () => {
    expect(reader.lstat('d/x')).to.equal(undefined)
    expect(reader.lstat('d/x/a')).to.equal(undefined)
  })

  it('is never looked at through a link', () => {
    symlinkSync('../elsewhere', inside('tree/l'))
    expect(reader.lstat('l/a')).to.equal(undefined)
  })

  it('is removed, also when its name is no text', () => {
    const name = Buffer.from([0xff, 0x0a])
    writeFileSync(Buffer.concat([Buffer.from(inside('tree/d/')), name]), '')
    reader.unlink('d/\xff\n')
    expect(readdirSync(inside('tree/d'))).to.deep.equal(['e'])
  })

  it('is removed as a link, and not what it leads to', () => {
    symlinkSync('../elsewhere/a', inside('tree/l'))
    reader.unlink('l')
    expect([existsSync(inside('elsewhere/a')), readdirSync(inside('tree'))]).to.deep.equal([
      true,
      ['d'],
    ])
  })

  it('is never removed through a link', () => {
    symlinkSync('../elsewhere', inside('tree/l'))
    reader.unlink('l/a')
    expect(existsSync(inside('elsewhere/a'))).to.equal(true)
  })

  it('is let be when it is gone already', () => {
    expect(() => reader.unlink('x')).not.to.throw()
  })

  it('keeps one directory open at most, and none once it is closed', () => {
    const before = readdirSync('/proc/self/fd').length
    for (const path of ['d/x', 'd/e/x', 'x']) reader.lstat(path)
    const meanwhile = readdirSync('/proc/self/fd').length
    reader[Symbol.dispose]()
    expect([meanwhile - before, readdirSync('/proc/self/fd').length - before]).to.deep.equal([1, 0])
  })
})

import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { lstatBelow, unlinkBelow } from '../../../src/copy/tree-path.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('a path below a tree', () => {
  const directory = useTemporaryDirectory()
  const inside = (...names: string[]): string => join(directory.path, ...names)
  const tree = (): string => inside('tree')

  beforeEach(() => {
    mkdirSync(inside('tree/d/e'), { recursive: true })
    mkdirSync(inside('elsewhere'))
    writeFileSync(inside('elsewhere/a'), 'precious')
  })

  it('is looked at, however deep it is', () => {
    writeFileSync(inside('tree/d/e/a'), '123')
    expect(lstatBelow(tree(), Buffer.from('d/e/a'))?.size).to.equal(3n)
  })

  it('is looked at as a link when it is one', () => {
    symlinkSync('/etc', inside('tree/l'))
    expect(lstatBelow(tree(), Buffer.from('l'))?.isSymbolicLink()).to.equal(true)
  })

  it('is nothing when it is not there', () => {
    expect(lstatBelow(tree(), Buffer.from('d/x/a'))).to.equal(undefined)
  })

  it('is never looked at through a link', () => {
    symlinkSync('../elsewhere', inside('tree/l'))
    expect(() => lstatBelow(tree(), Buffer.from('l/a'))).to.throw(/ENOTDIR|ELOOP/)
  })

  it('is removed, also when its name is no text', () => {
    const name = Buffer.from([0xff, 0x0a])
    writeFileSync(Buffer.concat([Buffer.from(`${tree()}/d/`), name]), '')
    unlinkBelow(tree(), Buffer.concat([Buffer.from('d/'), name]))
    expect(lstatBelow(tree(), Buffer.concat([Buffer.from('d/'), name]))).to.equal(undefined)
  })

  it('is removed as a link, and not what it leads to', () => {
    symlinkSync('../elsewhere/a', inside('tree/l'))
    unlinkBelow(tree(), Buffer.from('l'))
    expect(existsSync(inside('elsewhere/a'))).to.equal(true)
  })

  it('is never removed through a link', () => {
    symlinkSync('../elsewhere', inside('tree/l'))
    expect(() => unlinkBelow(tree(), Buffer.from('l/a'))).to.throw(/ENOTDIR|ELOOP/)
    expect(existsSync(inside('elsewhere/a'))).to.equal(true)
  })

  it('is let be when it is gone already', () => {
    expect(() => unlinkBelow(tree(), Buffer.from('x'))).not.to.throw()
  })
})

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { TreeReader } from '../../../src/tree/tree-reader.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const countOpen = (): number => readdirSync('/proc/self/fd').length

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
    const before = countOpen()
    for (const path of ['d/x', 'd/e/x', 'x']) reader.lstat(path)
    const meanwhile = countOpen()
    reader[Symbol.dispose]()
    expect([meanwhile - before, countOpen() - before]).to.deep.equal([1, 0])
  })
})

describe('a directory of a tree', () => {
  const directory = useTemporaryDirectory()
  const inside = (...names: string[]): string => join(directory.path, 'tree', ...names)
  let reader: TreeReader

  /** Every directory has a file that says which it is. */
  function plant(...paths: string[]): void {
    for (const path of paths) {
      mkdirSync(inside(path), { recursive: true })
      writeFileSync(inside(path, 'which'), path)
    }
  }

  const readWhich = (path: string): string | undefined => {
    const entered = reader.enter(path)
    return entered === undefined ? undefined : readFileSync(`${entered}/which`, 'utf8')
  }

  beforeEach(() => {
    plant('', 'a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/b/x', 'a/b/x/y', 'e', 'e/f')
    reader = new TreeReader(inside())
  })

  afterEach(() => reader[Symbol.dispose]())

  it('is the right one, whichever it was before', () => {
    const paths = ['', 'a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/b/x', 'a/b/x/y', 'e', 'e/f']
    for (const from of paths) {
      for (const to of paths) {
        readWhich(from)
        expect(readWhich(to), `${to} after ${from}`).to.equal(to)
      }
    }
  })

  it('is nothing where it is none, and the next one is right', () => {
    expect(['a/b/c/d', 'a/b/c/none', 'a/b/x', 'a/which', 'a/b/c/d'].map(readWhich)).to.deep.equal([
      'a/b/c/d',
      undefined,
      'a/b/x',
      undefined,
      'a/b/c/d',
    ])
  })

  it('is found again after it came', () => {
    expect(readWhich('a/b/new')).to.equal(undefined)
    plant('a/b/new')
    expect(readWhich('a/b/new')).to.equal('a/b/new')
  })

  it('is not the one that .. leads to, when the one before was moved elsewhere', () => {
    readWhich('a/b/c/d')
    renameSync(inside('a/b/c'), inside('e/c'))
    // from e/c/d two up is e, which has an x now
    plant('e/x')
    expect(readWhich('a/b/x')).to.equal('a/b/x')
  })

  it('is not outside of the tree, when the one before was moved out of it', () => {
    readWhich('a/b/c/d')
    mkdirSync(join(directory.path, 'outside/x'), { recursive: true })
    writeFileSync(join(directory.path, 'outside/x/which'), 'precious')
    renameSync(inside('a/b/c'), join(directory.path, 'outside/c'))
    expect(readWhich('a/b/x')).to.equal('a/b/x')
  })

  it('is the one of the path now, when one above the one before was exchanged', () => {
    readWhich('a/b/c/d')
    renameSync(inside('a/b'), inside('old'))
    plant('a/b/x')
    writeFileSync(inside('a/b/x/which'), 'another')
    expect(['another', 'a/b/x']).to.include(readWhich('a/b/x'))
    expect(readWhich('e/f')).to.equal('e/f')
    expect(readWhich('a/b/x')).to.equal('another')
  })

  it('is nothing when a link took its place', () => {
    readWhich('a/b/c/d')
    rmSync(inside('a/b/x'), { recursive: true })
    symlinkSync('../../e', inside('a/b/x'))
    expect(readWhich('a/b/x')).to.equal(undefined)
  })

  it('is found when the one before is gone', () => {
    readWhich('a/b/c/d')
    rmSync(inside('a/b/c'), { recursive: true })
    expect(readWhich('a/b/x')).to.equal('a/b/x')
  })

  it('is reached where the path to it is longer than a path may be, and so is the one beside it', () => {
    const name = 'd'.repeat(200)
    const depth = 100
    const paths = Array.from({ length: depth }, (_, index) =>
      Array(index + 1)
        .fill(name)
        .join('/'),
    )
    for (const path of paths) {
      const parent = reader.enter(path.slice(0, Math.max(0, path.lastIndexOf('/'))))
      mkdirSync(`${parent}/${name}`)
      mkdirSync(`${parent}/beside`)
    }
    const deepest = paths.at(-1) ?? ''
    expect(deepest.length).to.be.above(4096)
    const entered = reader.enter(deepest)
    const { ino } = lstatSync(`${entered}/.`)
    expect(reader.enter(`${deepest.slice(0, deepest.lastIndexOf('/'))}/beside`)).to.not.equal(
      undefined,
    )
    expect(lstatSync(`${reader.enter(deepest)}/.`).ino).to.equal(ino)
    expect(reader.lstat(`${deepest}/none`)).to.equal(undefined)
  })

  it('leaves one directory open at most, however deep it is and whatever happened', () => {
    const before = countOpen()
    for (const path of ['a/b/c/d', 'a/b/x/y', 'a/b/none', 'e/f', 'a/which/z', 'a/b/c']) {
      reader.enter(path)
      expect(countOpen() - before, path).to.be.at.most(1)
    }
    reader[Symbol.dispose]()
    expect(countOpen()).to.equal(before)
  })
})

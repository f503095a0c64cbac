import {
  type BigIntStats,
  appendFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Comparison, compareLive } from '../../../../src/copy/restore/compare-live.ts'
import type { Knowledge } from '../../../../src/copy/index/knowledge.ts'
import { IndexBuilder } from '../../../../src/copy/index/index-builder.ts'
import { type PathList, eachPath } from '../../../../src/tree/path-list.ts'
import { formatIndex } from '../../../../src/copy/index/header.ts'
import { SourceIndex, proves } from '../../../../src/copy/index/source-index.ts'
import { compileExcludes } from '../../../../src/tree/excludes.ts'
import { Selection } from '../../../../src/tree/selection.ts'
import { TreeReader } from '../../../../src/tree/tree-reader.ts'
import { InterruptedError, OperationError } from '../../../../src/errors.ts'
import { rejectionOf } from '../../support/rejection.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

const list = (paths: PathList): string[] => [...eachPath(paths.bytes())].toSorted()

const always = 2n ** 62n
const someTime = 1_000_000_000
const times = { stepNs: 1n, earliestNs: -(2n ** 63n), latestNs: 2n ** 63n }

describe('compareLive', () => {
  const directory = useTemporaryDirectory()
  const inside = (...names: string[]): string => join(directory.path, ...names)

  beforeEach(() => {
    for (const tree of ['wanted', 'live', 'known']) mkdirSync(inside(tree))
  })

  function plant(tree: string, ...paths: string[]): void {
    for (const path of paths) {
      if (path.endsWith('/')) mkdirSync(inside(tree, path), { recursive: true })
      else {
        writeFileSync(inside(tree, path), path)
        // where two are written one tick of the clock after the other, they would differ
        utimesSync(inside(tree, path), someTime, someTime)
      }
    }
  }

  function plantGroup(tree: string, first: string, ...others: string[]): void {
    plant(tree, first)
    for (const other of others) linkSync(inside(tree, first), inside(tree, other))
  }

  const stat = (path: string): BigIntStats => lstatSync(inside(path), { bigint: true })

  /** What `known` has of the live data, by what a scan of their root sees now. */
  function knowLive(): Knowledge {
    const builder = new IndexBuilder(always)
    builder.beginDirectory('')
    for (const name of readdirSync(inside('live'))) builder.add(name, stat(`live/${name}`), false)
    const header = { mount: undefined, tree: { ino: 0n, ctimeNs: 0n }, racyCutoffNs: always }
    const index = new SourceIndex(formatIndex(header, [builder.bytes()]))
    const tree = new TreeReader(inside('known'))
    return {
      tree,
      keptInodes: false,
      has: (path, live) => proves(index.entry(path), live),
      [Symbol.dispose]: () => tree[Symbol.dispose](),
    }
  }

  async function compare(differences: Partial<Comparison> = {}) {
    const found = await compareLive({
      wanted: inside('wanted'),
      live: inside('live'),
      own: undefined,
      newest: undefined,
      historyChanged: new Map(),
      times,
      except: new Set(),
      excludes: compileExcludes([]),
      only: undefined,
      keepsNewer: false,
      keepsAdded: false,
      ...differences,
    })
    return {
      remove: found.remove.toSorted(),
      create: list(found.create),
      toVerify: list(found.toVerify),
      anew: found.anew.toSorted(),
      newDirectories: list(found.newDirectories),
      directories: list(found.directories),
      links: found.links.toSorted((one, other) => (one.path < other.path ? -1 : 1)),
      historyChanged: found.historyChanged.toSorted(),
      leftAlone: found.leftAlone.toSorted(),
      otherType: found.otherType.toSorted(),
    }
  }

  async function compareKnown(
    differences: Partial<Comparison> = {},
    since: () => void = () => undefined,
  ) {
    using newest = knowLive()
    since()
    return await compare({ newest, ...differences })
  }

  const nothing = {
    remove: [],
    create: [],
    toVerify: [],
    anew: [],
    newDirectories: [],
    directories: [],
    links: [],
    historyChanged: [],
    leftAlone: [],
    otherType: [],
  }

  it('finds nothing in two empty trees', async () => {
    expect(await compare()).to.deep.equal(nothing)
  })

  it('creates what the live data do not have, with its directories', async () => {
    plant('wanted', 'd/e/', 'd/e/a', 'b')
    expect(await compare()).to.deep.equal({
      ...nothing,
      create: ['b', 'd/e/a'],
      newDirectories: ['d', 'd/e'],
    })
  })

  it('removes what only the live data have, directories as a whole', async () => {
    plant('live', 'd/e/', 'd/e/a', 'b')
    expect(await compare()).to.deep.equal({ ...nothing, remove: ['b', 'd'] })
  })

  it('removes what is of another type where a directory is, or should be', async () => {
    plant('wanted', 'd/', 'd/a', 'f')
    plant('live', 'd', 'f/', 'f/a')
    expect(await compare()).to.deep.equal({
      ...nothing,
      remove: ['d', 'f'],
      create: ['d/a', 'f'],
      newDirectories: ['d'],
    })
  })

  it('never looks through a link where a directory should be', async () => {
    plant('wanted', 'd/', 'd/a')
    plant('known', 'a')
    symlinkSync(inside('known'), inside('live/d'))
    expect(await compare()).to.deep.equal({
      ...nothing,
      remove: ['d'],
      create: ['d/a'],
      newDirectories: ['d'],
    })
  })

  it('verifies every file that nothing is known of', async () => {
    plant('wanted', 'd/', 'd/a')
    plant('live', 'd/', 'd/a')
    expect(await compare()).to.deep.equal({ ...nothing, toVerify: ['d/a'], directories: ['d'] })
  })

  it('compares a suspect that has other names elsewhere like any other', async () => {
    plant('wanted', 'a')
    plant('live', 'a')
    linkSync(inside('live/a'), inside('elsewhere'))
    expect(await compare()).to.deep.equal({ ...nothing, toVerify: ['a'] })
  })

  it('leaves alone what is excepted', async () => {
    plant('wanted', 'mount/', 'mount/a', 'x')
    plant('live', 'mount/', 'mount/b', 'y')
    const except = new Set(['mount', 'x', 'y'])
    expect(await compare({ except })).to.deep.equal(nothing)
  })

  describe('with patterns of what is excluded', () => {
    const excludes = compileExcludes(['*.tmp', 'cache/'])

    it('leaves alone what only the live data have of it', async () => {
      plant('wanted', 'd/')
      plant('live', 'd/', 'a.tmp', 'd/b.tmp', 'cache/', 'cache/c')
      expect(await compare({ excludes })).to.deep.equal({ ...nothing, directories: ['d'] })
    })

    it('removes a directory but for that, and for the directories above it', async () => {
      plant('live', 'd/', 'd/a', 'd/e/', 'd/e/b.tmp', 'd/e/c', 'd/f/', 'd/f/g', 'h/', 'h/i')
      const remove = ['d/a', 'd/e/c', 'd/f', 'h']
      expect(await compare({ excludes })).to.deep.equal({ ...nothing, remove })
    })

    it('makes nothing that the wanted tree has of it, and tells', async () => {
      plant('wanted', 'a.tmp', 'd/', 'd/cache/', 'd/cache/c')
      plant('live', 'a.tmp')
      expect(await compare({ excludes })).to.deep.equal({
        ...nothing,
        newDirectories: ['d'],
        leftAlone: ['a.tmp', 'd/cache'],
      })
    })

    it('leaves a directory alone where the wanted tree has a file that is not excluded', async () => {
      plant('wanted', 'cache')
      plant('live', 'cache/', 'cache/c')
      expect(await compare({ excludes })).to.deep.equal({ ...nothing, leftAlone: ['cache'] })
    })

    it('removes a file where the wanted tree has a directory that is excluded', async () => {
      plant('wanted', 'cache/', 'cache/c')
      plant('live', 'cache')
      const found = await compare({ excludes })
      expect(found).to.deep.equal({ ...nothing, remove: ['cache'], leftAlone: ['cache'] })
    })

    it('refuses to put a file where a directory has something of it', async () => {
      plant('wanted', 'd')
      plant('live', 'd/', 'd/e/', 'd/e/a.tmp')
      const error = await rejectionOf(compare({ excludes }))
      expect(error).to.be.instanceOf(OperationError)
      expect(error.message).to.match(/^nothing was changed: d is a directory with something in it/)
    })
  })

  describe('with paths that are chosen', () => {
    const only = new Selection(['d/a'])

    it('removes nothing in a directory that is excluded, whoever chose it', async () => {
      plant('live', 'd/', 'd/a', 'd/b')
      const excludes = compileExcludes(['/d'])
      expect(await compare({ only, excludes })).to.deep.equal(nothing)
      plant('wanted', 'd/', 'd/a')
      const found = await compare({ only, excludes })
      expect(found).to.deep.equal({ ...nothing, leftAlone: ['d'] })
    })

    for (const [kind, make] of [
      ['a file', () => plant('live', 'd')],
      ['a link', () => symlinkSync('/nowhere', inside('live/d'))],
    ] as const) {
      it(`refuses to put a directory above them into the place of ${kind}`, async () => {
        plant('wanted', 'd/', 'd/a')
        make()
        const error = await rejectionOf(compare({ only }))
        expect(error.message).to.match(/nothing was restored: d is no directory in the live data/)
      })
    }

    it('refuses to put a file into the place of a directory above them', async () => {
      plant('wanted', 'd')
      plant('live', 'd/', 'd/a')
      const error = await rejectionOf(compare({ only }))
      expect(error.message).to.match(/nothing was restored: d is no directory in the snapshot/)
    })

    it('has nothing to do where neither has a directory above them', async () => {
      plant('wanted', 'd')
      expect(await compare({ only })).to.deep.equal(nothing)
      plant('live', 'd')
      expect(await compare({ only })).to.deep.equal(nothing)
    })
  })

  for (const keeps of [{ keepsNewer: true }, { keepsAdded: true }]) {
    it(`leaves what is of another type, and tells (${Object.keys(keeps).join('')})`, async () => {
      plant('wanted', 'd/', 'd/a')
      plantGroup('wanted', 'f', 'g', 'h')
      plant('live', 'd', 'f/', 'f/a', 'g')
      const found = await compare(keeps)
      expect(found).to.deep.equal({
        ...nothing,
        otherType: ['d', 'f'],
        toVerify: ['g'],
        links: [{ path: 'h', first: 'g', there: 'nothing' }],
      })
    })
  }

  it('leaves a newer name of a link group out of it', async () => {
    plantGroup('wanted', 'a', 'b', 'c')
    plant('live', 'a', 'b')
    utimesSync(inside('live/a'), someTime + 1, someTime + 1)
    expect(await compare({ keepsNewer: true })).to.deep.equal({
      ...nothing,
      toVerify: ['b'],
      links: [{ path: 'c', first: 'b', there: 'nothing' }],
    })
  })

  describe('with a snapshot of the live data', () => {
    beforeEach(() => {
      plant('wanted', 'a')
      plant('live', 'a')
      linkSync(inside('wanted/a'), inside('known/a'))
    })

    it('passes over a file that it proves equal', async () => {
      expect(await compareKnown()).to.deep.equal(nothing)
    })

    it('verifies one that moved since', async () => {
      const { toVerify } = await compareKnown({}, () => {
        writeFileSync(inside('live/b'), 'a')
        linkSync(inside('live/a'), inside('live/c'))
      })
      expect(toVerify).to.deep.equal(['a'])
    })

    it('keeps one that it proves to be what the wanted tree had before somebody wrote into it there', async () => {
      writeFileSync(inside('wanted/a'), 'written into history')
      expect(await compareKnown()).to.deep.equal({ ...nothing, historyChanged: ['a'] })
    })

    it('keeps one where the snapshot got a copy, because the wanted file was changed', async () => {
      const { ino } = stat('wanted/a')
      rmSync(inside('known/a'))
      plant('known', 'a')
      writeFileSync(inside('wanted/a'), 'written into history')
      const historyChanged = new Map([['a', ino]])
      expect(await compareKnown({ historyChanged })).to.deep.equal({
        ...nothing,
        historyChanged: ['a'],
      })
    })

    it('verifies one where another file of history was changed', async () => {
      rmSync(inside('known/a'))
      plant('known', 'a')
      const historyChanged = new Map([['a', 1n]])
      expect((await compareKnown({ historyChanged })).toVerify).to.deep.equal(['a'])
    })

    it('verifies one that is another file there than in the wanted tree', async () => {
      plant('wanted', 'b')
      plant('live', 'b')
      plant('known', 'b')
      expect((await compareKnown()).toVerify).to.deep.equal(['b'])
    })

    it('verifies one that it does not have any more', async () => {
      plant('wanted', 'b')
      plant('live', 'b')
      expect((await compareKnown()).toVerify).to.deep.equal(['b'])
    })
  })

  describe('with a link group in the wanted tree', () => {
    beforeEach(() => plantGroup('wanted', 'a', 'b', 'c'))

    it('creates one of its names, and links the others to it', async () => {
      expect(await compare()).to.deep.equal({
        ...nothing,
        create: ['a'],
        links: [
          { path: 'b', first: 'a', there: 'nothing' },
          { path: 'c', first: 'a', there: 'nothing' },
        ],
      })
    })

    it('rather compares a name that is there', async () => {
      plant('live', 'c')
      expect(await compare()).to.deep.equal({
        ...nothing,
        toVerify: ['c'],
        links: [
          { path: 'a', first: 'c', there: 'nothing' },
          { path: 'b', first: 'c', there: 'nothing' },
        ],
      })
    })

    it('rather links to a name that is proven', async () => {
      plant('live', 'a', 'b')
      linkSync(inside('wanted/b'), inside('known/b'))
      expect(await compareKnown()).to.deep.equal({
        ...nothing,
        links: [
          { path: 'a', first: 'b', there: 'another' },
          { path: 'c', first: 'b', there: 'nothing' },
        ],
      })
    })

    it('leaves a file as it is of which it has all names', async () => {
      plantGroup('live', 'b', 'c')
      plant('live', 'a')
      expect((await compare()).anew).to.deep.equal([])
    })

    it('leaves one as it is that has another name elsewhere, unless it differs', async () => {
      plantGroup('live', 'a', 'b', 'c')
      linkSync(inside('live/a'), inside('elsewhere'))
      const { anew, toVerify } = await compare()
      expect([anew, toVerify]).to.deep.equal([[], ['a']])
    })

    it('makes one of two anew that share a file and must not', async () => {
      plant('wanted', 'single')
      plantGroup('live', 'a', 'b', 'c', 'single')
      const { anew, toVerify } = await compare()
      expect(anew).to.have.length(1)
      expect(toVerify).to.include(anew[0]).and.to.deep.equal(['a', 'single'])
    })

    it('makes one anew that shares its file with one that is proven', async () => {
      plant('wanted', 'single')
      plantGroup('live', 'a', 'b', 'c', 'single')
      linkSync(inside('wanted/b'), inside('known/b'))
      expect((await compareKnown()).anew).to.deep.equal(['single'])
    })
  })

  it('passes over files that the wanted tree itself is known to have, and no others', async () => {
    for (const tree of ['wanted', 'live', 'known']) plant(tree, 'a', 'b')
    using own = knowLive()
    appendFileSync(inside('live/b'), 'more')
    expect(await compare({ own })).to.deep.equal({ ...nothing, toVerify: ['b'] })
  })

  it('tells of those that look otherwise in the wanted tree', async () => {
    for (const tree of ['wanted', 'live']) plant(tree, 'a')
    using own = knowLive()
    appendFileSync(inside('wanted/a'), 'more')
    expect(await compare({ own })).to.deep.equal({ ...nothing, historyChanged: ['a'] })
  })

  it('passes over files that the wanted tree has by inodes and ctimes that it kept', async () => {
    plant('wanted', 'a', 'b')
    linkSync(inside('wanted/a'), inside('live/a'))
    plant('live', 'b')
    using tree = new TreeReader(inside('wanted'))
    const own: Knowledge = {
      tree,
      keptInodes: true,
      has: (path, live) => tree.lstat(path)?.ino === live.ino,
      [Symbol.dispose]: () => undefined,
    }
    expect(await compare({ own })).to.deep.equal({ ...nothing, toVerify: ['b'] })
  })

  it('ends when it is interrupted', async () => {
    const error = await rejectionOf(compare({ signal: AbortSignal.abort() }))
    expect(error).to.be.instanceOf(InterruptedError)
  })
})

import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import type { Knowledge } from '../../../../src/copy/index/knowledge.ts'
import { LiveTree, type LiveTreeOptions } from '../../../../src/copy/restore/live-tree.ts'
import { PrivateDirectory } from '../../../../src/tree/private-directory.ts'
import { TreeReader } from '../../../../src/tree/tree-reader.ts'
import { OperationError } from '../../../../src/errors.ts'
import { errorOf } from '../../support/rejection.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

const times = { stepNs: 1n, earliestNs: -(2n ** 63n), latestNs: 2n ** 63n }

describe('live data', () => {
  const directory = useTemporaryDirectory()
  const live = (path = ''): string => join(directory.path, 'live', path)
  let room: PrivateDirectory
  let options: LiveTreeOptions
  let tree: LiveTree
  let except: Set<string>
  let known: Set<string>
  let opened: DisposableStack

  beforeEach(() => {
    for (const name of ['live', 'safety']) mkdirSync(join(directory.path, name))
    except = new Set()
    known = new Set()
    opened = new DisposableStack()
    room = opened.use(new PrivateDirectory(live()))
    room.make('made')
    const safety = join(directory.path, 'safety')
    const reader = opened.use(new TreeReader(safety))
    const knowledge: Knowledge = {
      tree: reader,
      keptInodes: false,
      has: (path) => known.has(path),
      [Symbol.dispose]: () => undefined,
    }
    options = { live: live(), room, safety, known: knowledge, times, except }
    tree = opened.use(new LiveTree(options))
  })

  afterEach(() => opened.dispose())

  function write(tree: string, path: string, content: string): void {
    const file = join(directory.path, tree, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
    utimesSync(file, 1_600_000_000, 1_600_000_000)
  }

  /** A file of the live data that the safety snapshot has. */
  function plant(path: string, content: string): void {
    write('live', path, content)
    write('safety', path, content)
  }

  function make(path: string, content: string): void {
    const file = `${room.here}/made/${path}`
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }

  const read = (path: string): string => readFileSync(live(path), 'utf8')

  /** What was kept aside, with its contents, by its path. */
  async function kept(): Promise<Record<string, string>> {
    await tree.settle()
    const released = tree.release()
    if (released === undefined) return {}
    const entries = released.paths.map((path) => [path, read(`${released.directory}/${path}`)])
    return Object.fromEntries(entries) as Record<string, string>
  }

  it('get what was made for a path, and what was there is gone', async () => {
    plant('d/a', 'old')
    make('d/a', 'new')
    tree.place('d/a')
    expect(read('d/a')).to.equal('new')
    expect(readdirSync(live('d'))).to.deep.equal(['a'])
    expect(await kept()).to.deep.equal({})
  })

  it('get what was not there, a directory with all that is in it', () => {
    make('d/e/a', 'new')
    tree.place('d')
    expect(read('d/e/a')).to.equal('new')
  })

  it('lose what is taken out, a directory with all that is in it', async () => {
    plant('d/e/a', 'old')
    tree.remove('d')
    expect(existsSync(live('d'))).to.equal(false)
    expect(await kept()).to.deep.equal({})
  })

  it('lose without a safety snapshot what was there when the restore began, and no more', async () => {
    write('live', 'a', 'old')
    write('live', 'd/b', 'old')
    linkSync(live('a'), live('another name of a'))
    const discardBefore = lstatSync(live('a'), { bigint: true }).ctimeNs
    // until the kernel's clock for ctimes has moved
    do write('live', 'd/c', 'new')
    while (lstatSync(live('d/c'), { bigint: true }).ctimeNs <= discardBefore)
    tree = opened.use(new LiveTree({ ...options, discardBefore }))
    for (const path of ['a', 'd', 'another name of a']) tree.remove(path)
    expect(await kept()).to.deep.equal({ 'd/c': 'new' })
  })

  it('tell in which directories names came or went', () => {
    plant('d/a', 'old')
    plant('e/b', 'old')
    make('d/a', 'new')
    tree.place('d/a')
    tree.remove('e/b')
    expect([...tree.touched]).to.deep.equal(['d', 'e'])
  })

  const sinceThen: Record<string, () => void> = {
    'has another size': () => write('live', 'd/a', 'written since'),
    'has another content of that size and time': () => write('live', 'd/a', 'OLD'),
    'has another time': () => utimesSync(live('d/a'), 1, 1),
    'is not in the safety snapshot': () =>
      renameSync(join(directory.path, 'safety/d/a'), join(directory.path, 'safety/d/b')),
    'is of another type there': () => {
      const file = join(directory.path, 'safety/d/a')
      renameSync(file, `${file}.aside`)
      symlinkSync('old', file)
    },
  }

  for (const [what, change] of Object.entries(sinceThen)) {
    it(`keep a file aside that is replaced and ${what}`, async () => {
      plant('d/a', 'old')
      change()
      const before = read('d/a')
      make('d/a', 'new')
      tree.place('d/a')
      expect(read('d/a')).to.equal('new')
      expect(await kept()).to.deep.equal({ 'd/a': before })
    })

    it(`keep a file aside that is taken out with its directory and ${what}`, async () => {
      plant('d/a', 'old')
      plant('d/other', 'other')
      change()
      const before = read('d/a')
      tree.remove('d')
      expect(await kept()).to.deep.equal({ 'd/a': before })
    })
  }

  it('keep a link aside that leads elsewhere in the safety snapshot', async () => {
    symlinkSync('now', live('link'))
    symlinkSync('old', join(directory.path, 'safety/link'))
    tree.remove('link')
    await tree.settle()
    const { directory: aside = '', paths } = tree.release() ?? {}
    expect(paths).to.deep.equal(['link'])
    expect(lstatSync(live(`${aside}/link`)).isSymbolicLink()).to.equal(true)
  })

  it('do not have a file read of which is known that the safety snapshot has it', async () => {
    write('live', 'a', 'large')
    known.add('a')
    make('a', 'new')
    tree.place('a')
    expect(await kept()).to.deep.equal({})
  })

  it('keep several aside under their paths, those that are known of not among them', async () => {
    for (const path of ['d/e/a', 'd/b', 'c', 'd/known']) write('live', path, path)
    known.add('d/known')
    tree.remove('d')
    tree.remove('c')
    expect(await kept()).to.deep.equal({ 'd/e/a': 'd/e/a', 'd/b': 'd/b', c: 'c' })
  })

  it('have a place for what was kept aside that only root can enter', async () => {
    write('live', 'a', 'now')
    tree.remove('a')
    await tree.settle()
    const { directory: aside = '' } = tree.release() ?? {}
    expect(aside).to.match(/^\.snap-volume\.kept\./)
    expect(lstatSync(live(aside)).mode & 0o7777).to.equal(0o700)
  })

  it('keep a file aside that another name is left of', async () => {
    write('live', 'a', 'now')
    linkSync(live('a'), live('b'))
    make('a', 'new')
    tree.place('a')
    expect([read('a'), read('b')]).to.deep.equal(['new', 'now'])
    expect(await kept()).to.deep.equal({ a: 'now' })
  })

  it('keep what somebody put where a directory is to come', async () => {
    write('live', 'd', 'made meanwhile')
    make('d/a', 'new')
    tree.place('d')
    expect(read('d/a')).to.equal('new')
    expect(await kept()).to.deep.equal({ d: 'made meanwhile' })
  })

  it('keep what is in a directory that somebody made where a file is to come', async () => {
    write('live', 'a/inside', 'made meanwhile')
    make('a', 'new')
    tree.place('a')
    expect(read('a')).to.equal('new')
    expect(await kept()).to.deep.equal({ 'a/inside': 'made meanwhile' })
  })

  it('keep what is left alone, and the directories above it', () => {
    for (const path of ['d/mount/inside', 'd/e/f', 'd/a']) plant(path, path)
    except.add('d/mount')
    tree.remove('d')
    expect(readdirSync(live('d'))).to.deep.equal(['mount'])
    expect(read('d/mount/inside')).to.equal('d/mount/inside')
  })

  it('are let be where what is taken out is gone already', async () => {
    tree.remove('none')
    tree.remove('no/such/directory')
    expect(await kept()).to.deep.equal({})
  })

  it('are said to have lost a directory, when what was made has none to come to', () => {
    make('gone/a', 'new')
    const error = errorOf(() => tree.place('gone/a'))
    expect(error).to.be.instanceOf(OperationError)
    expect(error.message).to.include('the directory of gone/a went while it was restored')
  })

  it('are never written to through a link', () => {
    mkdirSync(join(directory.path, 'outside'))
    symlinkSync('../outside', live('d'))
    make('d/a', 'new')
    expect(errorOf(() => tree.place('d/a'))).to.be.instanceOf(OperationError)
    expect(readdirSync(join(directory.path, 'outside'))).to.deep.equal([])
  })

  it('lose a link, and not what it leads to', () => {
    mkdirSync(join(directory.path, 'outside'))
    writeFileSync(join(directory.path, 'outside/a'), 'precious')
    symlinkSync('../outside', live('d'))
    symlinkSync('../outside', join(directory.path, 'safety/d'))
    known.add('d')
    tree.remove('d/a')
    tree.remove('d')
    expect(readdirSync(join(directory.path, 'outside'))).to.deep.equal(['a'])
    expect(existsSync(live('d'))).to.equal(false)
  })
})

import { expect } from 'chai'
import { execa } from 'execa'
import { restore } from '../../src/actions/restore/restore.ts'
import { takeSnapshot } from '../../src/actions/snapshot/take-snapshot.ts'
import { OperationError } from '../../src/errors.ts'
import { unescapePath } from '../../src/tree/escaped-path.ts'
import { type Excludes, compileExcludes, isPattern } from '../../src/tree/excludes.ts'
import { type Random, randomOf, seed } from '../crash/support/random.ts'
import { roundsOf } from '../support/sample.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { Mutator } from './support/mutations.ts'
import { prelink } from './support/prelinked.ts'
import { walkReference } from './support/reference.ts'

const rounds = roundsOf(150, 4)
const restores = roundsOf(40, 2)
const lists = roundsOf(3000, 40)

/** What patterns are made of, beside the names of a tree. */
const parts = ['*', '*', '**', '**', '***', '?', '/', '/', 'a', 'b', 'c', 'data', '[a-c]', '[!a-c]']
  .concat(['[]x]', '[[:digit:]]', '[^[:alpha:]]', '[\\]-a]', '[0-5-9]', '\\*', '\\', '-', '#', ' '])
  .concat(['\u00fc', 'x', '1', '2', '.', '[[:punct:][:space:]]'])

/** Patterns that fit some of the paths, and others that fit little. */
function randomPatterns(random: Random, paths: readonly string[]): string[] {
  const below = (limit: number): number => Math.floor(random() * limit)
  const pick = (list: readonly string[]): string => list[below(list.length)] ?? 'a'
  const ofPath = (): string => {
    const names = pick(paths).split('/')
    const from = below(names.length)
    const wanted = names.slice(from, from + 1 + below(3)).map((name) => {
      if (random() < 0.3) return pick(['*', '**', '?*'])
      const at = below(name.length)
      return random() < 0.5 ? name : name.slice(0, at) + pick(parts) + name.slice(at + below(3))
    })
    return pick(['', '', '/', '**/', '*/']) + wanted.join('/') + pick(['', '', '/', '/***', '*'])
  }
  const ofParts = (): string => Array.from({ length: 1 + below(6) }, () => pick(parts)).join('')
  const made = Array.from({ length: 40 }, () => (random() < 0.7 ? ofPath() : ofParts()))
  // what would leave everything out tells nothing
  return made.filter((text) => isPattern(text) && !/^[*/]+$/.test(text)).slice(0, below(4))
}

/** Paths as text; those that are no UTF-8 no variable can name. */
function pathsIn(tree: Tree): string[] {
  return [...tree.keys()]
    .filter((path) => path !== '.')
    .map((path) => Buffer.from(path, 'latin1').toString())
}

describe(`${lists} lists of patterns`, function () {
  this.timeout(600_000)

  let store: InProcessStore

  beforeEach(() => {
    store = makeInProcessStore('link', 3)
  })

  afterEach(() => store.remove())

  it(`fit the paths that they fit by rsync --exclude (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    const random = randomOf('patterns')
    const mutator = new Mutator(store.data, random)
    mutator.grow()
    const tree = walkTree(store.data)
    for (let round = 0; round < lists; round += 1) {
      const patterns = randomPatterns(random, pathsIn(tree))
      const what = `seed ${seed}, list ${round}, ${JSON.stringify(patterns)}`
      const left = pathsLeft(tree, compileExcludes(patterns))
      expect(left, what).to.deep.equal(await pathsLeftByRsync(store.data, patterns))
    }
  })
})

function pathsLeft(tree: Tree, excludes: Excludes): string[] {
  const isLeft = (path: string): boolean => {
    const names = path.split('/')
    return names.every((_, index) => {
      const above = names.slice(0, index + 1).join('/')
      return !excludes.has(above, tree.get(above)?.type === 'directory')
    })
  }
  return [...tree.keys()].filter((path) => path !== '.' && isLeft(path)).toSorted()
}

async function pathsLeftByRsync(root: string, patterns: readonly string[]): Promise<string[]> {
  const words = ['-an', '--out-format=%n', ...patterns.map((pattern) => `--exclude=${pattern}`)]
  const env = { LC_ALL: 'C' }
  const { stdout } = await execa('rsync', [...words, `${root}/`, `${root}.nothing/`], { env })
  const printed = stdout.split('\n').map((line) => unescapePath(line.replace(/\/$/, '')))
  return printed.filter((path) => !['', '.', './'].includes(path)).toSorted()
}

for (const engine of ['link', 'rsync'] as const) {
  describe(`Engine ${engine}, with ${rounds} lists of patterns one after the other,`, function () {
    this.timeout(600_000)

    let store: InProcessStore

    beforeEach(() => {
      store = makeInProcessStore(engine, 3)
    })

    afterEach(() => store.remove())

    it(`leaves out what rsync --exclude leaves out (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
      const random = randomOf(`excludes ${engine}`)
      const mutator = new Mutator(store.data, random)
      mutator.grow()
      for (let round = 0; round < rounds; round += 1) {
        if (engine === 'link' && round % 3 === 2) await prelink(store.context)
        const patterns = randomPatterns(random, pathsIn(walkTree(store.data)))
        store.context.config.exclude = patterns.map((pattern) => `:${pattern}`)
        const what = `seed ${seed}, round ${round}, ${JSON.stringify(patterns)}`
        const reference = await walkReference(store.data, undefined, patterns)
        // a snapshot of nothing is refused
        if (![...reference.values()].some(({ type }) => type === 'file')) continue
        // engine rsync sees a change that keeps size and time only so
        const checksum = engine === 'rsync'
        const { record } = await takeSnapshot(store.context, { kind: 'manual', checksum })
        const { name, warnings, volumes } = record
        expect(compareTrees(reference, walkTree(store.dataIn(name))), what).to.deep.equal([])
        expect(warnings, what).to.deep.equal([])
        expect(volumes[0]?.exclude ?? [], what).to.deep.equal(patterns)
        mutator.mutate()
      }
    })
  })
}

describe(`${restores} restores with patterns, of data that change at random,`, function () {
  this.timeout(600_000)

  let store: InProcessStore

  beforeEach(() => {
    store = makeInProcessStore('link', 1000)
  })

  afterEach(() => store.remove())

  it(`leave alone what rsync --exclude leaves out, and make all else what the snapshot has (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    const random = randomOf('restores with excludes')
    const mutator = new Mutator(store.data, random)
    mutator.grow()
    for (let round = 0; round < restores; round += 1) {
      const patterns = randomPatterns(random, pathsIn(walkTree(store.data)))
      store.context.config.exclude = patterns.map((pattern) => `:${pattern}`)
      const left = await walkReference(store.data, undefined, patterns)
      // a snapshot of nothing is refused
      if (![...left.values()].some(({ type }) => type === 'file')) continue
      const { name } = await store.snapshot()
      const mutations = mutator.mutate(20)
      const what = `seed ${seed}, round ${round}, ${JSON.stringify(patterns)} after ${mutations.join(' ')}`
      const before = walkTree(store.data)
      const seen = await walkReference(store.data, undefined, patterns)
      const excluded = new Map([...before].filter(([path]) => !seen.has(path)))
      const refusal = await restoreUnlessRefused(name)
      const expected =
        refusal === undefined ? combine(walkTree(store.dataIn(name)), excluded) : before
      expect(differences(expected, walkTree(store.data)), what).to.deep.equal([])
    }
  })

  /** A file cannot come where a directory has something that is excluded. */
  async function restoreUnlessRefused(reference: string): Promise<string | undefined> {
    try {
      await restore(store.context, { undo: false, reference, volumes: [], readAll: false })
      return undefined
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      expect(error.message).to.match(/^nothing was changed: .* is a directory with something in it/)
      return error.message
    }
  }
})

/** What is excluded, in its directories, and around it what the snapshot has. */
function combine(snapshot: Tree, excluded: Tree): Tree {
  const isInside = (path: string): boolean => {
    const above = path.split('/').slice(0, -1)
    return above.some((_, index) => excluded.has(above.slice(0, index + 1).join('/')))
  }
  return new Map([...[...snapshot].filter(([path]) => !isInside(path)), ...excluded])
}

/**
 * Names of one file may be on both sides; directories that stay for what is in them are no
 * difference.
 */
function differences(expected: Tree, actual: Tree): string[] {
  const hasInside = (path: string): boolean =>
    [...expected.keys()].some((other) => other.startsWith(`${path}/`))
  const relevant = [...actual].filter(
    ([path, { type }]) => expected.has(path) || type !== 'directory' || !hasInside(path),
  )
  return compareTrees(withoutNames(expected), withoutNames(new Map(relevant)))
}

function withoutNames(tree: Tree): Tree {
  return new Map([...tree].map(([path, { names: _names, ...entry }]) => [path, entry]))
}

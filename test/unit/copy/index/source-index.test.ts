import { expect } from 'chai'
import * as fc from 'fast-check'
import { IndexBuilder } from '../../../../src/copy/index/index-builder.ts'
import {
  type IndexHeader,
  formatIndex,
  readHeader,
  writeHeader,
} from '../../../../src/copy/index/header.ts'
import { SourceIndex, invalidatePaths, proves } from '../../../../src/copy/index/source-index.ts'
import { statOf } from '../../support/stats.ts'

/** What a scan saw of an entry; the names are those of lstat(2). */
interface Entry {
  name: string
  ino: bigint
  ctimeNs: bigint
  size: bigint
  mtimeNs: bigint
}

interface Block {
  path: string
  entries: readonly Entry[]
}

const secondNs = 1_000_000_000n
const racyCutoffNs = 2_000_000_000n * secondNs
const header: IndexHeader = {
  mount: '00112233445566778899aabbccddeeff'.repeat(2),
  tree: { ino: 2n ** 64n - 1n, ctimeNs: -1n },
  racyCutoffNs,
}

/** Names of any bytes that a name may have, one character a byte. */
const name = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 1 : byte))))
  .map((bytes) => bytes.toString('latin1'))
  .filter((text) => text !== '.')

const entry: fc.Arbitrary<Entry> = fc.record({
  name,
  ino: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  // negative ones are before 1970
  ctimeNs: fc
    .bigInt({ min: -(2n ** 62n), max: racyCutoffNs - 1n })
    .filter(
      (ctimeNs) =>
        ctimeNs !== 0n && (ctimeNs < racyCutoffNs - 2n * secondNs || ctimeNs % secondNs !== 0n),
    ),
  size: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  mtimeNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
})

const directories: fc.Arbitrary<Block[]> = fc.uniqueArray(
  fc.record({
    path: fc.array(name, { maxLength: 3 }).map((parts) => parts.join('/')),
    entries: fc.uniqueArray(entry, { selector: (one) => one.name, maxLength: 20 }),
  }),
  { selector: ({ path }) => path, maxLength: 8 },
)

function blocksOf(blocks: readonly Block[], isCopied = false): Buffer {
  const builder = new IndexBuilder(racyCutoffNs)
  for (const { path, entries } of blocks) {
    builder.beginDirectory(path)
    for (const { name, ...facts } of entries) builder.add(name, statOf(facts), isCopied)
  }
  return builder.bytes()
}

const build = (blocks: readonly Block[]): Buffer => formatIndex(header, [blocksOf(blocks)])

const one: Entry = {
  name: 'a',
  ino: 7n,
  ctimeNs: 1_700_000_000_123_456_789n,
  size: 5n,
  mtimeNs: 1_600_000_000_987_654_321n,
}
const single = (): Buffer => build([{ path: 'd', entries: [one] }])

/** Whether an index proves that an entry in `path` is what was seen. */
function isProven(index: SourceIndex, path: string, { name, ...facts }: Entry): boolean {
  return proves(index.directory(path).entry(name), statOf(facts))
}

const isProvenIn = (content: Buffer, path: string, of: Entry): boolean =>
  isProven(new SourceIndex(content), path, of)

/** Entries whose inodes are so far apart, in one directory. */
const inARow = (count: number, step: bigint): Block[] => [
  { path: '', entries: [{ ...one, name: '.', ino: 1n }] },
  {
    path: 'd',
    entries: Array.from({ length: count }, (_, number) => ({
      ...one,
      name: number === 0 ? '.' : `n${number}`,
      ino: 2n ** 33n + BigInt(number) * step,
    })),
  },
]

describe('the source index', () => {
  it('finds every entry again, in whatever order it is asked for', () => {
    fc.assert(
      fc.property(directories, fc.boolean(), (blocks, isReversed) => {
        const index = new SourceIndex(build(blocks))
        for (const { path, entries } of blocks) {
          const directory = index.directory(path)
          for (const { name, ino, ...facts } of isReversed ? entries.toReversed() : entries) {
            expect(directory.entry(name)).to.deep.equal({ inode: ino, ...facts })
          }
        }
      }),
    )
  })

  it('finds every entry by its path', () => {
    fc.assert(
      fc.property(directories, (blocks) => {
        const index = new SourceIndex(build(blocks))
        for (const { path, entries } of blocks) {
          for (const { name, ino } of entries) {
            const found = index.entry(path === '' ? name : `${path}/${name}`)
            expect(found?.inode).to.equal(ino)
          }
        }
      }),
    )
  })

  it('finds entries among names that are new', () => {
    const entries = ['a', 'b', 'c', 'd'].map((name) => ({ ...one, name }))
    const directory = new SourceIndex(build([{ path: '', entries }])).directory('')
    const found = ['0', 'a', 'aa', 'c', 'b', 'x', 'd', 'a'].map((name) =>
      proves(directory.entry(name), statOf(one)),
    )
    expect(found).to.deep.equal([false, true, false, true, true, false, true, true])
  })

  it('tells the names in a directory, and which directories there are', () => {
    const entries = ['.', 'a', 'b'].map((name) => ({ ...one, name }))
    const index = new SourceIndex(
      build([
        { path: '', entries: [] },
        { path: 'd', entries },
      ]),
    )
    expect([...index.directories()]).to.deep.equal(['', 'd'])
    expect([...index.directory('d').names()]).to.deep.equal(['.', 'a', 'b'])
    expect(['', 'd', 'e'].map((path) => index.has(path))).to.deep.equal([true, true, false])
  })

  it('puts together what several workers wrote', () => {
    const parts = ['d', 'e'].map((path) => blocksOf([{ path, entries: [one] }]))
    const index = new SourceIndex(formatIndex(header, parts))
    expect(['d', 'e'].map((path) => isProven(index, path, one))).to.deep.equal([true, true])
  })

  it('grows with what is added', () => {
    const entries = Array.from({ length: 3000 }, (_, number) => ({
      ...one,
      name: `n${number}`.padEnd(200),
    }))
    const directory = new SourceIndex(build([{ path: '', entries }])).directory('')
    expect(entries.every(({ name }) => proves(directory.entry(name), statOf(one)))).to.equal(true)
  })

  it('proves what it saw', () => {
    expect(isProvenIn(single(), 'd', one)).to.equal(true)
  })

  const differences: Record<string, [path: string, entry: Entry]> = {
    'another inode': ['d', { ...one, ino: 8n }],
    'a ctime a nanosecond later': ['d', { ...one, ctimeNs: one.ctimeNs + 1n }],
    'another size': ['d', { ...one, size: one.size + 1n }],
    'another mtime': ['d', { ...one, mtimeNs: one.mtimeNs - 1n }],
    'another name': ['d', { ...one, name: 'b' }],
    'another directory': ['e', one],
    'the directory above': ['', one],
  }
  for (const [what, [path, other]] of Object.entries(differences)) {
    it(`proves nothing of ${what}`, () => {
      expect(isProvenIn(single(), path, other)).to.equal(false)
    })
  }

  it('never proves a ctime that was racy when it was written', () => {
    for (const ctimeNs of [racyCutoffNs, racyCutoffNs + 1n]) {
      const racy = { ...one, ctimeNs }
      expect(isProvenIn(build([{ path: '', entries: [racy] }]), '', racy)).to.equal(false)
    }
  })

  for (const [agoNs, isProof] of [
    [1_000_000_000n, false],
    [2_000_000_000n, false],
    [3_000_000_000n, true],
    [1_000_000_001n, true],
  ] as const) {
    it(`${isProof ? 'proves' : 'never proves'} a ctime of ${agoNs} ns before the cutoff`, () => {
      const seen = { ...one, ctimeNs: racyCutoffNs - agoNs }
      expect(isProvenIn(build([{ path: '', entries: [seen] }]), '', seen)).to.equal(isProof)
    })
  }

  it('never proves a file that was copied while a call that began before may have written it', () => {
    const seen = { ...one, size: 100_000_000n, ctimeNs: racyCutoffNs - 6n * secondNs + 1n }
    const [copied, linked] = [true, false].map((isCopied) =>
      formatIndex(header, [blocksOf([{ path: '', entries: [seen] }], isCopied)]),
    )
    expect(isProvenIn(linked ?? Buffer.of(), '', seen), 'linked').to.equal(true)
    expect(isProvenIn(copied ?? Buffer.of(), '', seen), 'copied').to.equal(false)
  })

  it('never proves the ctime that stands for a racy one', () => {
    const index = build([{ path: '', entries: [{ ...one, ctimeNs: racyCutoffNs }] }])
    expect(isProvenIn(index, '', { ...one, ctimeNs: 0n })).to.equal(false)
  })

  it('still knows size and mtime of what was racy', () => {
    const index = build([{ path: '', entries: [{ ...one, ctimeNs: racyCutoffNs }] }])
    const { size, mtimeNs } = one
    expect(new SourceIndex(index).entry('a')).to.include({ inode: 7n, size, mtimeNs })
  })

  describe('asked for an inode', () => {
    it('finds every entry, wherever it is', () => {
      fc.assert(
        fc.property(directories, (blocks) => {
          const own = { ...one, name: '.' }
          const index = new SourceIndex(
            build(blocks.map(({ path, entries }) => ({ path, entries: [own, ...entries] }))),
          )
          const all = blocks.flatMap(({ path, entries }) =>
            entries.map((each) => ({ path, ...each })),
          )
          for (const { path, name, ino, ...facts } of all) {
            const found = index.find(ino)
            const isOnly = all.filter((other) => other.ino === ino).length === 1
            expect(found?.inode).to.equal(ino)
            if (!isOnly) continue
            expect(found).to.deep.equal({ inode: ino, ...facts, directory: path, name })
          }
        }),
      )
    })

    for (const step of [1n, 2n, 64n, 2n ** 32n]) {
      it(`finds a thousand that are ${step} apart, and none in between`, () => {
        const index = new SourceIndex(build(inARow(1001, step)))
        for (let number = 1; number <= 1000; number += 1) {
          expect(index.find(2n ** 33n + BigInt(number) * step)?.name).to.equal(`n${number}`)
        }
        expect(index.find(2n ** 33n + 1001n * step)).to.equal(undefined)
      })
    }

    it('finds no directory', () => {
      const index = new SourceIndex(build(inARow(3, 1n)))
      expect([1n, 2n ** 33n].map((inode) => index.find(inode))).to.deep.equal([
        undefined,
        undefined,
      ])
    })

    it('finds nothing in an empty one', () => {
      expect(new SourceIndex(build([])).find(0n)).to.equal(undefined)
    })

    it('finds an entry that proves what was moved', () => {
      const entries = [{ ...one, name: '.', ino: 1n }, one]
      const found = new SourceIndex(build([{ path: 'd', entries }])).find(one.ino)
      expect(proves(found, statOf(one))).to.equal(true)
    })
  })

  it('proves no path that was invalidated, nor the directory it is in, and is whole', () => {
    const blocks = ['', 'a', 'a/b', 'c'].map((path) => ({
      path,
      entries: ['.', 'f', 'g'].map((name) => ({ ...one, name })),
    }))
    const content = build(blocks)
    invalidatePaths(content, ['a/f', 'a/none', 'c', 'gone/f'])
    expect(SourceIndex.isWhole(content)).to.equal(true)
    const index = new SourceIndex(content)
    const proven = blocks.map(({ path, entries }) =>
      entries.filter((each) => isProven(index, path, each)).map(({ name }) => name),
    )
    expect(proven).to.deep.equal([['f', 'g'], ['g'], ['.', 'f', 'g'], ['f', 'g']])
  })

  it('matches nothing of directories that were lost, nor below them, and is whole', () => {
    const blocks = ['', 'a', 'a/b', 'ab'].map((path) => ({ path, entries: [one] }))
    const content = build(blocks)
    invalidatePaths(content, [], new Set(['a']))
    expect(SourceIndex.isWhole(content)).to.equal(true)
    expect(readHeader(content)).to.deep.equal(header)
    const index = new SourceIndex(content)
    const proven = blocks.map(({ path }) => isProven(index, path, one))
    expect(proven).to.deep.equal([true, false, false, true])
  })

  it('says of what it was written', () => {
    expect(readHeader(single())).to.deep.equal(header)
  })

  it('says that nothing can be proven where the mount is not known', () => {
    const content = formatIndex({ ...header, mount: undefined }, [])
    expect(readHeader(content).mount).to.equal(undefined)
  })

  it('gets another header, and keeps its entries', () => {
    const content = single()
    const other = { ...header, tree: { ino: 3n, ctimeNs: 4n } }
    writeHeader(content, other)
    expect(SourceIndex.isWhole(content)).to.equal(true)
    expect(readHeader(content)).to.deep.equal(other)
    expect(isProvenIn(content, 'd', one)).to.equal(true)
  })

  it('is whole as it was written, empty too', () => {
    const contents = [single(), formatIndex(header, [])]
    expect(contents.map((content) => SourceIndex.isWhole(content))).to.deep.equal([true, true])
  })

  it('is not whole when it was cut off anywhere', () => {
    const content = single()
    for (let length = 0; length < content.length; length += 1) {
      expect(SourceIndex.isWhole(content.subarray(0, length)), `${length} bytes`).to.equal(false)
    }
  })

  it('is not whole with any bit flipped', () => {
    const content = single()
    for (let bit = 0; bit < content.length * 8; bit += 1) {
      const flipped = Buffer.from(content)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(SourceIndex.isWhole(flipped), `bit ${bit}`).to.equal(false)
    }
  })
})

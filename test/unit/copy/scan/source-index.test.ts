import { IndexBuilder } from '../../../../src/copy/scan/index-builder.ts'
import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  type Generation,
  SourceIndex,
  disprovePaths,
  firstGeneration,
  formatIndex,
  generationAfter,
} from '../../../../src/copy/scan/source-index.ts'

interface Entry {
  name: string
  inode: bigint
  ctimeNs: bigint
}

const secondNs = 1_000_000_000n
const youngNs = 2_000_000_000n * secondNs
const generation: Generation = { chain: '00112233445566778899aabbccddeeff'.repeat(2), number: 7 }
const since = 5

/** Names of any bytes that a name may have, one character a byte. */
const name = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 1 : byte))))
  .map((bytes) => bytes.toString('latin1'))

const entry: fc.Arbitrary<Entry> = fc.record({
  name,
  inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  // negative ones are before 1970
  ctimeNs: fc
    .bigInt({ min: -(2n ** 62n), max: youngNs - 1n })
    .filter(
      (ctimeNs) =>
        ctimeNs !== 0n && (ctimeNs < youngNs - 2n * secondNs || ctimeNs % secondNs !== 0n),
    ),
})

const directories = fc.uniqueArray(
  fc.record({
    path: fc.array(name, { maxLength: 3 }).map((parts) => parts.join('/')),
    entries: fc.uniqueArray(entry, { selector: (one) => one.name, maxLength: 20 }),
  }),
  { selector: ({ path }) => path, maxLength: 8 },
)

function build(blocks: readonly { path: string; entries: readonly Entry[] }[]): Buffer {
  const builder = new IndexBuilder(youngNs)
  for (const { path, entries } of blocks) {
    builder.beginDirectory(path)
    for (const one of entries) builder.add(one.name, one.inode, one.ctimeNs, since)
  }
  return formatIndex(generation, [builder.bytes()])
}

const one: Entry = { name: 'a', inode: 7n, ctimeNs: 1_700_000_000_123_456_789n }
const single = (): Buffer => build([{ path: 'd', entries: [one] }])

describe('the source index', () => {
  it('finds every entry again, in whatever order it is asked for', () => {
    fc.assert(
      fc.property(directories, fc.boolean(), (blocks, isReversed) => {
        const index = new SourceIndex(build(blocks))
        for (const { path, entries } of blocks) {
          const directory = index.directory(path)
          for (const { name, inode, ctimeNs } of isReversed ? entries.toReversed() : entries) {
            expect(directory.matches(name, inode, ctimeNs)).to.equal(true)
          }
        }
      }),
    )
  })

  it('finds entries among names that are new', () => {
    const entries = ['a', 'b', 'c', 'd'].map((name) => ({ ...one, name }))
    const directory = new SourceIndex(build([{ path: '', entries }])).directory('')
    const found = ['0', 'a', 'aa', 'c', 'b', 'x', 'd', 'a'].map((name) =>
      directory.matches(name, one.inode, one.ctimeNs),
    )
    expect(found).to.deep.equal([false, true, false, true, true, false, true, true])
  })

  it('puts together what several workers wrote', () => {
    const parts = ['d', 'e'].map((path) => {
      const builder = new IndexBuilder(youngNs)
      builder.beginDirectory(path)
      builder.add(one.name, one.inode, one.ctimeNs, since)
      return builder.bytes()
    })
    const index = new SourceIndex(formatIndex(generation, parts))
    const found = ['d', 'e'].map((path) =>
      index.directory(path).matches(one.name, one.inode, one.ctimeNs),
    )
    expect(found).to.deep.equal([true, true])
  })

  it('grows with what is added', () => {
    const entries = Array.from({ length: 3000 }, (_, number) => ({
      ...one,
      name: `n${number}`.padEnd(200),
    }))
    const directory = new SourceIndex(build([{ path: '', entries }])).directory('')
    expect(entries.every(({ name }) => directory.matches(name, one.inode, one.ctimeNs))).to.equal(
      true,
    )
  })

  const differences: Record<string, [path: string, entry: Entry]> = {
    'another inode': ['d', { ...one, inode: 8n }],
    'a ctime a nanosecond later': ['d', { ...one, ctimeNs: one.ctimeNs + 1n }],
    'another name': ['d', { ...one, name: 'b' }],
    'another directory': ['e', one],
    'the directory above': ['', one],
  }
  for (const [what, [path, { name, inode, ctimeNs }]] of Object.entries(differences)) {
    it(`does not match ${what}`, () => {
      expect(new SourceIndex(single()).directory(path).matches(name, inode, ctimeNs)).to.equal(
        false,
      )
    })
  }

  it('never matches a ctime that was young when it was written', () => {
    for (const ctimeNs of [youngNs, youngNs + 1n]) {
      const index = new SourceIndex(build([{ path: '', entries: [{ ...one, ctimeNs }] }]))
      expect(index.directory('').matches(one.name, one.inode, ctimeNs)).to.equal(false)
    }
  })

  it('never matches a ctime of whole seconds that was nearly young when it was written', () => {
    for (const [agoNs, matches] of [
      [1_000_000_000n, false],
      [2_000_000_000n, false],
      [3_000_000_000n, true],
      [1_000_000_001n, true],
    ] as const) {
      const ctimeNs = youngNs - agoNs
      const index = new SourceIndex(build([{ path: '', entries: [{ ...one, ctimeNs }] }]))
      const isMatch = index.directory('').matches(one.name, one.inode, ctimeNs)
      expect(isMatch, `${agoNs} ns before`).to.equal(matches)
    }
  })

  it('never matches a file that was copied while a call that began before may have written it', () => {
    for (const [agoNs, size, matches] of [
      [1_000_000_000n, 0n, false],
      [1_000_000_001n, 0n, true],
      [6_000_000_001n, 100_000_000n, true],
      [6_000_000_000n, 100_000_000n, false],
      [100_000_000_001n, 2n ** 40n, false],
      [109_000_000_001n, 2n ** 40n, true],
    ] as const) {
      const ctimeNs = youngNs - agoNs
      const builder = new IndexBuilder(youngNs)
      builder.beginDirectory('')
      builder.add('copied', 7n, ctimeNs, since, size)
      const directory = new SourceIndex(formatIndex(generation, [builder.bytes()])).directory('')
      expect(directory.matches('copied', 7n, ctimeNs), `${agoNs} ns, ${size} B`).to.equal(matches)
    }
  })

  it('never matches the ctime that stands for a young one', () => {
    const index = new SourceIndex(build([{ path: '', entries: [{ ...one, ctimeNs: youngNs }] }]))
    expect(index.directory('').matches(one.name, one.inode, 0n)).to.equal(false)
  })

  it('matches no path that was disproved, nor the directory it is in, and is whole', () => {
    const builder = new IndexBuilder(youngNs)
    for (const path of ['', 'a', 'a/b', 'c']) {
      builder.beginDirectory(path)
      for (const name of ['.', 'f', 'g']) builder.add(name, 1n, 1n, since)
    }
    const index = formatIndex(generation, [builder.bytes()])
    disprovePaths(index, ['a/f', 'a/none', 'c', 'gone/f'])
    expect(SourceIndex.isWhole(index)).to.equal(true)
    const known = new SourceIndex(index)
    const matching = ['', 'a', 'a/b', 'c'].map((path) =>
      ['.', 'f', 'g'].filter((name) => known.directory(path).matches(name, 1n, 1n)),
    )
    expect(matching).to.deep.equal([['f', 'g'], ['g'], ['.', 'f', 'g'], ['f', 'g']])
  })

  it('tells since which generation an entry is the same', () => {
    const directory = new SourceIndex(single()).directory('d')
    expect(directory.unchangedSince(one.name, one.inode, one.ctimeNs)).to.equal(since)
    expect(directory.unchangedSince(one.name, one.inode, one.ctimeNs + 1n)).to.equal(undefined)
  })

  it('knows its generation, and the one after it, which is of the same chain', () => {
    expect(new SourceIndex(single()).generation).to.deep.equal(generation)
    expect(generationAfter(single())).to.deep.equal({ ...generation, number: 8 })
  })

  it('begins another chain each time', () => {
    const [first, second] = [firstGeneration(), firstGeneration()]
    expect(first.chain).not.to.equal(second.chain)
    const index = new SourceIndex(formatIndex(first, []))
    expect(index.generation).to.deep.equal({ chain: first.chain, number: 1 })
  })

  it('is whole as it was written, empty too', () => {
    expect(
      [single(), formatIndex(generation, [])].map((content) => SourceIndex.isWhole(content)),
    ).to.deep.equal([true, true])
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

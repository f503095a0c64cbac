import type { BigIntStats } from 'node:fs'
import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  asKept,
  isRacy,
  looksSame,
  msUntilOutdated,
  racyCutoff,
  writeMayBeInFlight,
} from '../../../../src/copy/index/proof.ts'
import type { KeptTimes } from '../../../../src/system/kept-times.ts'
import { statOf } from '../../support/stats.ts'

const secondNs = 1_000_000_000n
const exact: KeptTimes = { stepNs: 1n, earliestNs: -(2n ** 63n), latestNs: 2n ** 63n }

/** In ns, so many ms ago. */
function ago(ms: number): bigint {
  return BigInt(Date.now() - ms) * 1_000_000n + 1n
}

/** The beginning of this second. */
function thisSecond(): bigint {
  return (ago(0) / secondNs) * secondNs
}

describe('A ctime', () => {
  it('is racy when it is of now, and of whole seconds when it is of two seconds ago', () => {
    const cutoffNs = racyCutoff()
    expect(isRacy(ago(0), cutoffNs), 'now').to.equal(true)
    expect(isRacy(ago(1000), cutoffNs), 'a second ago').to.equal(false)
    expect(isRacy(thisSecond() - secondNs, cutoffNs), 'whole, a second ago').to.equal(true)
    expect(isRacy(thisSecond() - 4n * secondNs, cutoffNs), 'whole, four ago').to.equal(false)
  })

  it('of the future is racy', () => {
    expect(isRacy(ago(-60_000), racyCutoff())).to.equal(true)
  })

  it('that was just seen is outdated after a step of the clock', () => {
    expect(msUntilOutdated(ago(0))).to.be.within(1, 22)
    expect(msUntilOutdated(ago(50))).to.equal(0)
  })

  it('of whole seconds is outdated after two of them', () => {
    expect(msUntilOutdated(thisSecond())).to.be.within(900, 2000)
    expect(msUntilOutdated(thisSecond() - 3n * secondNs)).to.equal(0)
  })

  it('of the future is not waited for', () => {
    expect(msUntilOutdated(ago(-60_000))).to.equal(0)
  })
})

describe('A call of write(2)', () => {
  const cutoffNs = 2_000_000_000n * secondNs

  for (const [agoNs, size, mayBe] of [
    [1_000_000_000n, 0n, true],
    [1_000_000_001n, 0n, false],
    [6_000_000_000n, 100_000_000n, true],
    [6_000_000_001n, 100_000_000n, false],
    [100_000_000_001n, 2n ** 40n, true],
    [109_000_000_001n, 2n ** 40n, false],
  ] as const) {
    it(`that began ${agoNs} ns before may ${mayBe ? '' : 'not '}be writing ${size} bytes still`, () => {
      expect(writeMayBeInFlight(cutoffNs - agoNs, size, cutoffNs)).to.equal(mayBe)
    })
  }
})

const kept = (timeNs: bigint, times: Partial<KeptTimes>): bigint =>
  asKept(timeNs, { ...exact, ...times })

describe('A time', () => {
  it('is rounded down to the step of the filesystem, before 1970 too', () => {
    const times = [1_700_000_001_500_000_000n, -1_500_000_000n, 4n * secondNs, -4n * secondNs]
    const rounded = times.map((time) => kept(time, { stepNs: 2n * secondNs }))
    expect(rounded).to.deep.equal([
      1_700_000_000n * secondNs,
      -2n * secondNs,
      4n * secondNs,
      -4n * secondNs,
    ])
  })

  it('is cut off at what the filesystem keeps', () => {
    const range = { earliestNs: 0n, latestNs: 2n ** 32n * secondNs }
    expect(kept(-1n, range)).to.equal(0n)
    expect(kept(2n ** 33n * secondNs, range)).to.equal(2n ** 32n * secondNs)
  })

  it('that was kept is kept as it is', () => {
    const step = fc.constantFrom(1n, 100n, 1000n, 1_000_000n, secondNs, 2n * secondNs)
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), step, (time, stepNs) => {
        const times = { stepNs, earliestNs: -(2n ** 61n), latestNs: 2n ** 61n }
        const once = kept(time, times)
        expect(kept(once, times)).to.equal(once)
      }),
    )
  })

  it('is kept exactly by a filesystem that keeps them so', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), (time) => {
        expect(kept(time, {})).to.equal(time)
      }),
    )
  })
})

describe('What is stored looks the same', () => {
  const source = { mode: 0o100644n, uid: 1n, gid: 2n, rdev: 0n, size: 3n, mtimeNs: 1_500_000_000n }
  const looks = (
    stored: Partial<BigIntStats>,
    { times = exact, of = {} }: { times?: KeptTimes; of?: Partial<BigIntStats> } = {},
  ): boolean =>
    looksSame(statOf({ ...source, ...of }), statOf({ ...source, ...of, ...stored }), times)

  it('when type, mode, owner, size and mtime are equal, whatever its inode and ctime', () => {
    expect(looks({ ino: 77n, ctimeNs: 77n, nlink: 77n })).to.equal(true)
  })

  const differences: Record<string, Partial<BigIntStats>> = {
    mode: { mode: 0o100600n },
    type: { mode: 0o120644n },
    user: { uid: 9n },
    group: { gid: 9n },
    size: { size: 4n },
    mtime: { mtimeNs: 1_500_000_001n },
    'device number': { rdev: 9n },
  }

  for (const [what, stored] of Object.entries(differences)) {
    it(`unless its ${what} is another`, () => {
      expect(looks(stored)).to.equal(false)
    })
  }

  it('when it is a directory of another size', () => {
    expect(looks({ size: 4096n }, { of: { mode: 0o40755n } })).to.equal(true)
  })

  for (const [type, mode] of [
    ['a block device', 0o060644n],
    ['a character device', 0o020644n],
    ['a pipe', 0o010644n],
    ['a socket', 0o140644n],
  ] as const) {
    it(`when it is ${type} of another size`, () => {
      expect(looks({ size: 24n }, { of: { mode } })).to.equal(true)
    })
  }

  it('unless it is a symlink of another size', () => {
    expect(looks({ size: 24n }, { of: { mode: 0o120777n } })).to.equal(false)
  })

  it('when its mtime is what the store can keep of that of the source', () => {
    const times = { ...exact, stepNs: secondNs }
    expect(looks({ mtimeNs: secondNs }, { times })).to.equal(true)
    expect(looks({ mtimeNs: 2n * secondNs }, { times })).to.equal(false)
  })
})

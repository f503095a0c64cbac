import { expect } from 'chai'
import { findEnd, stepOf } from '../../../src/system/kept-times.ts'

describe('stepOf', () => {
  const cases: [readBack: bigint, step: number][] = [
    [345_678_901_123_456_776n, 1],
    [345_678_901_123_456_700n, 100],
    [345_678_901_123_456_000n, 1000],
    [345_678_901_123_000_000n, 1e6],
    [345_678_901_120_000_000n, 1e7],
    [345_678_901_000_000_000n, 1e9],
    [345_678_900_000_000_000n, 2e9],
    [345_678_902_000_000_000n, 2e9],
  ]
  for (const [readBack, step] of cases) {
    it(`is ${step} ns for ${readBack}`, () => {
      expect(stepOf(readBack)).to.equal(step)
    })
  }
})

/** Both in seconds. */
function endOf(times: readonly number[], keep: (seconds: number) => number): number {
  const ns = (seconds: number): bigint => BigInt(keep(seconds)) * 1_000_000_000n
  return Number(findEnd(times, ns) / 1_000_000_000n)
}

describe('findEnd', () => {
  const times = [1e9, 2e9, 4e9, 8e9]

  it('is the last time where all are kept', () => {
    expect(endOf(times, (time) => time)).to.equal(8e9)
  })

  it('is where the filesystem brings later ones back to', () => {
    expect(endOf(times, (time) => Math.min(time, 2 ** 31 - 1))).to.equal(2 ** 31 - 1)
  })

  it('is the last one that was kept where later ones become any other', () => {
    expect(endOf(times, (time) => time % 2 ** 32)).to.equal(4e9)
  })

  it('is not moved by a step of two seconds', () => {
    expect(endOf([1_000_000_001], (time) => time - 1)).to.equal(1_000_000_001)
  })

  it('goes to the past as well', () => {
    expect(endOf([0, -1e9], (time) => Math.max(time, 0))).to.equal(0)
  })
})

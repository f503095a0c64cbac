import { expect } from 'chai'
import {
  type Progress,
  type ProgressLines,
  createProgressLines,
} from '../../../../src/cli/render/progress-lines.ts'

describe('the lines of progress', () => {
  let nowMs: number
  let printed: (Progress & { atMs: number })[]
  let lines: ProgressLines

  beforeEach(() => {
    nowMs = 0
    printed = []
    lines = createProgressLines(
      (progress) => printed.push({ ...progress, atMs: nowMs }),
      () => nowMs,
    )
  })

  function advance(fraction: number, volume = 'db'): void {
    const counts = { files: 1, totalFiles: 1, bytes: 1, elapsedMs: nowMs }
    lines.advance({ type: 'progress', volume, fraction, ...counts })
  }

  const fractions = (): number[] => printed.map(({ fraction }) => fraction)

  /** The most that are printed in any second. */
  const mostInASecond = (): number =>
    Math.max(
      ...printed.map(
        ({ atMs }) =>
          printed.filter((other) => other.atMs >= atMs && other.atMs < atMs + 1000).length,
      ),
    )

  it('are at most four a second, however many there are', () => {
    for (let step = 0; step <= 5000; step += 1) {
      advance(step / 5000)
      nowMs += 1
    }
    lines.finish()
    expect(mostInASecond()).to.be.within(3, 4)
    expect(printed.length).to.be.within(14, 17)
    expect(printed.at(-1)?.fraction).to.equal(1)
  })

  it('are at most four a second, however many volumes there are', () => {
    for (let volume = 0; volume < 40; volume += 1) {
      for (const fraction of [0, 0.5, 1]) advance(fraction, `v${volume}`)
      nowMs += 50
    }
    lines.finish()
    expect(mostInASecond()).to.be.at.most(4)
    expect(printed.at(-1)).to.include({ volume: 'v39', fraction: 1 })
  })

  it('are the first one, the end and nothing between for what takes a moment', () => {
    for (let step = 0; step <= 100; step += 1) advance(step / 100)
    lines.finish()
    expect(fractions()).to.deep.equal([0, 1])
  })

  it('end with the newest, also where the command failed', () => {
    advance(0)
    nowMs += 1
    advance(0.3)
    lines.finish()
    lines.finish()
    expect(fractions()).to.deep.equal([0, 0.3])
  })
})

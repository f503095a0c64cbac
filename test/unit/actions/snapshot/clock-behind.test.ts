import { expect } from 'chai'
import { waitForSecond, warnOfClock } from '../../../../src/actions/snapshot/clock-behind.ts'

const now = new Date('2026-11-20T03:00:00Z')
const later = (ms: number): Date => new Date(now.getTime() + ms)

async function waitedMs(behindMs: number): Promise<number> {
  let waited = 0
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      waited = ms
      return Promise.resolve()
    },
  }
  await waitForSecond({ clock, signal: undefined }, later(behindMs))
  return waited
}

describe('A clock that is behind the name of the next snapshot', () => {
  for (const behindMs of [1, 400, 1999, 2000]) {
    it(`by ${behindMs} ms is waited for, without a word`, async () => {
      expect(await waitedMs(behindMs)).to.equal(behindMs)
      expect(warnOfClock(now, later(behindMs))).to.deep.equal([])
    })
  }

  for (const behindMs of [2001, 2400, 60_000]) {
    it(`by ${behindMs} ms is told of, and not waited for`, async () => {
      expect(await waitedMs(behindMs)).to.equal(0)
      expect(warnOfClock(now, later(behindMs)).map(({ code }) => code)).to.deep.equal(['clock'])
    })
  }

  it('is no news where it is not behind', async () => {
    expect(await waitedMs(-5)).to.equal(0)
    expect(warnOfClock(now, now)).to.deep.equal([])
  })
})

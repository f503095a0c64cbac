import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { findClockJump } from '../../../src/actions/clock-jump.ts'
import { writeClockReading } from '../../../src/store/clock-state.ts'
import type { StoreLayout } from '../../../src/store/layout.ts'
import { createStore } from '../../../src/store/open.ts'
import { bootId, uptimeMs } from '../../../src/system/boot.ts'
import { plantSnapshot } from '../support/snapshots.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const last = '2026-11-20T03:00:00.000Z'
const minute = 60_000
const day = 86_400_000

const after = (ms: number): Date => new Date(Date.parse(last) + ms)

describe('findClockJump', () => {
  const directory = useTemporaryDirectory()
  let store: StoreLayout

  beforeEach(() => {
    store = createStore(directory.path)
  })

  /**
   * `ranMs` is for how long this machine has run since; of another start of it where that is
   * undefined.
   */
  const cases: [
    what: string,
    passedMs: number,
    ranMs: number | undefined,
    jump: RegExp | undefined,
  ][] = [
    ['a day on a machine that ran', day, day, undefined],
    ['nothing', 0, 0, undefined],
    ['a clock that is put right by a minute', -minute, 0, undefined],
    ['a clock that was set back by an hour', -60 * minute, minute, /set back/],
    ['a clock that was set back by years', -5000 * day, day, /set back/],
    ['a clock that was set back while the machine was off', -2 * day, undefined, /set back/],
    ['a weekend that a virtual machine was paused', 3 * day, minute, undefined],
    ['a month that the machine ran', 40 * day, 40 * day, undefined],
    ['a month that it did not run', 40 * day, minute, /went on by 39d 23h/],
    ['a month that it was off', 40 * day, undefined, undefined],
    ['years that it was off', 500 * day, undefined, /went on by 1y 135d/],
  ]
  for (const [what, passedMs, ranMs, jump] of cases) {
    it(`takes ${what} for ${jump === undefined ? 'no jump' : 'a jump'}`, () => {
      const boot = ranMs === undefined ? 'another' : (bootId() ?? '')
      writeClockReading(store, { time: last, boot, uptimeMs: uptimeMs() - (ranMs ?? 0) })
      const found = findClockJump(store, after(passedMs))
      if (jump === undefined) expect(found).to.equal(undefined)
      else expect(found).to.match(jump)
    })
  }

  it('goes by the newest snapshot where no run noted the clock', () => {
    expect(findClockJump(store, after(0))).to.equal(undefined)
    plantSnapshot(store, '@GMT-2026.11.20-03.00.00')
    expect(findClockJump(store, after(day))).to.equal(undefined)
    expect(findClockJump(store, after(-day))).to.match(/set back/)
    writeFileSync(store.clock, 'x')
    expect(findClockJump(store, after(-day))).to.match(/set back/)
  })
})

import { expect } from 'chai'
import { isYoung, msUntilOutdated, youthBegins } from '../../../../src/copy/scan/young-ctimes.ts'

const secondNs = 1_000_000_000n

/** In ns, so many ms ago. */
function ago(ms: number): bigint {
  return BigInt(Date.now() - ms) * 1_000_000n + 1n
}

/** The beginning of this second. */
function thisSecond(): bigint {
  return (ago(0) / secondNs) * secondNs
}

describe('A ctime', () => {
  it('is young when it is of now, and of whole seconds when it is of two seconds ago', () => {
    const youngNs = youthBegins()
    expect(isYoung(ago(0), youngNs), 'now').to.equal(true)
    expect(isYoung(ago(1000), youngNs), 'a second ago').to.equal(false)
    expect(isYoung(thisSecond() - secondNs, youngNs), 'whole, a second ago').to.equal(true)
    expect(isYoung(thisSecond() - 4n * secondNs, youngNs), 'whole, four ago').to.equal(false)
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

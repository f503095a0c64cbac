import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { singleFlight } from '../../../src/daemon/single-flight.ts'

describe('singleFlight', () => {
  it('asks once for all who come while it asks', async () => {
    const ask = counter(0)
    expect(await Promise.all([ask(), ask(), ask()])).to.deep.equal([1, 1, 1])
  })

  it('gives the same answer for some time after', async () => {
    const ask = counter(60_000)
    await ask()
    await sleep(5)
    expect(await ask()).to.equal(1)
  })

  it('asks anew when that time is over', async () => {
    const ask = counter(10)
    await ask()
    await sleep(20)
    expect(await ask()).to.equal(2)
  })

  it('asks no more often when it fails', async () => {
    let count = 0
    const ask = singleFlight(async () => {
      count += 1
      throw new Error(`failure ${count}`)
    }, 60_000)
    const failures = [await messageFrom(ask), await messageFrom(ask)]
    expect(failures).to.deep.equal(['failure 1', 'failure 1'])
  })
})

async function messageFrom(ask: () => Promise<unknown>): Promise<string> {
  return ask().then(
    () => 'no failure',
    (error: unknown) => (error as Error).message,
  )
}

/** Gives the count of the questions so far, some time after it was asked. */
function counter(keptMs: number): () => Promise<number> {
  let count = 0
  return singleFlight(async () => {
    count += 1
    await sleep(5)
    return count
  }, keptMs)
}

import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { syncWhileCopying } from '../../src/copy/programs/sync-while-copying.ts'
import { ProgramError } from '../../src/errors.ts'

describe('What is written to the disk while it is copied', () => {
  let target: string

  beforeEach(() => {
    target = mkdtempSync(join(tmpdir(), 'snap-along-'))
  })

  it('is told of when it could not be, because the kernel tells it only once', async () => {
    const end = syncWhileCopying(target)
    rmdirSync(target)
    await sleep(1500)
    const error: unknown = await end().catch((thrown: unknown) => thrown)
    expect(error).to.be.instanceOf(ProgramError)
    expect((error as Error).message).to.contain(target)
  })

  it('is nothing where the copy takes less than a second', async () => {
    const end = syncWhileCopying(target)
    rmdirSync(target)
    await end()
  })

  it('is not waited for when the copy was interrupted', async () => {
    const interruption = new AbortController()
    const end = syncWhileCopying(target, interruption.signal)
    rmdirSync(target)
    await sleep(1500)
    interruption.abort()
    await end()
  })
})

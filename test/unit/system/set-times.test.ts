import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { ProgramError } from '../../../src/errors.ts'
import { setTimes } from '../../../src/system/set-times.ts'
import { rejectionOf } from '../support/rejection.ts'

describe('times to the nanosecond', () => {
  let home: string
  before(() => void (home = mkdtempSync(join(tmpdir(), 'snap-volume-times-'))))
  after(() => rmSync(home, { recursive: true }))

  const make = (name: string): string => {
    const path = join(home, name)
    writeFileSync(path, '')
    return path
  }

  it('are each path’s own, also before 1970 and of names with spaces', async () => {
    const wanted = [
      ['new', 1_700_000_000_123_456_789n],
      ['with a space', 1n],
      ['old', -1n],
      ['second', -2_000_000_000n],
    ] as const
    await setTimes(
      wanted.map(([name, ns]) => ({ path: make(name), ns })),
      {},
    )
    for (const [name, ns] of wanted) {
      const { mtimeNs, atimeNs } = statSync(join(home, name), { bigint: true })
      expect([mtimeNs, atimeNs], name).to.deep.equal([ns, ns])
    }
  })

  it('that cannot be set are an error with the path', async () => {
    const missing = join(home, 'missing')
    const error = await rejectionOf(setTimes([{ path: missing, ns: 0n }], {}))
    expect(error).to.be.instanceOf(ProgramError)
    expect(error.message).to.contain(`${missing}: No such file`)
  })
})

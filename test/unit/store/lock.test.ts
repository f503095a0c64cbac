import { expect } from 'chai'
import { BusyError } from '../../../src/errors.ts'
import { type Lock, acquireLock } from '../../../src/store/lock.ts'
import { rejectionOf } from '../support/rejection.ts'

describe('A lock whose holder cannot be named, as on a disk that fails,', () => {
  // it can be locked, and neither cut nor written
  const request = { timeoutMs: 0, purpose: 'test' }
  const acquire = async (): Promise<Lock> => acquireLock('/dev/full', request)

  it('holds, and is free when it is released', async () => {
    const first = await acquire()
    try {
      const error = await rejectionOf(acquire())
      expect(error).to.be.instanceOf(BusyError)
      expect(error).to.have.property('message').that.includes('another process')
    } finally {
      first.release()
    }
    const second = await acquire()
    second.release()
  })
})

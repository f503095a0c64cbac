import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import {
  BusyError,
  HookError,
  InterruptedError,
  OperationError,
  ProgramError,
  SourceError,
  UsageError,
  errorCode,
  failureCauseOf,
  isNotFound,
  messageOf,
  throwIfInterrupted,
} from '../../src/errors.ts'
import { errorOf } from './support/rejection.ts'

/** As of `open` on a filesystem with a quota: libuv does not know the number. */
const quotaError = Object.assign(
  new Error("Unknown system error -122: Unknown system error -122, open '/x'"),
  { errno: -122, code: 'Unknown system error -122', syscall: 'open', path: '/x' },
)

describe('the errors', () => {
  const codes = [
    [new OperationError('x'), 1],
    [new UsageError('x'), 2],
    [new BusyError('x'), 75],
    [new InterruptedError('x'), 130],
  ] as const
  for (const [error, exitCode] of codes) {
    it(`give ${error.name} the exit code ${exitCode}`, () => {
      expect(error.exitCode).to.equal(exitCode)
    })

    it(`make ${error.name} an OperationError, which is shown without a stack`, () => {
      expect(error).to.be.instanceOf(OperationError)
    })
  }
})

describe('the fix of an error', () => {
  it('ends its message, after a colon', () => {
    const error = new UsageError('SNAP_MAX is 0', { fix: 'it must be 1 or more' })
    expect(error.message).to.equal('SNAP_MAX is 0: it must be 1 or more')
    expect([error.problem, error.fix]).to.deep.equal(['SNAP_MAX is 0', 'it must be 1 or more'])
  })

  it('is behind a semicolon where the problem ends with one', () => {
    const error = new ProgramError('sync failed: it says EIO;', '', { fix: 'look at dmesg' })
    expect(error.problem).to.equal('sync failed: it says EIO')
    expect(error.message).to.equal('sync failed: it says EIO; look at dmesg')
  })

  it('is missing where nobody knows one', () => {
    const error = new OperationError('it failed: why, nobody knows')
    expect([error.message, error.problem, error.fix]).to.deep.equal([
      'it failed: why, nobody knows',
      'it failed: why, nobody knows',
      undefined,
    ])
  })
})

describe('errorCode', () => {
  it('is the code of a system error', () => {
    expect(errorCode(errorOf(() => readFileSync('/nonexistent')))).to.equal('ENOENT')
  })

  it('is EDQUOT for what Node has no name for', () => {
    expect(errorCode(quotaError)).to.equal('EDQUOT')
  })

  it('is nothing for anything else', () => {
    expect([
      errorCode(new Error('x')),
      errorCode({ code: 'ENOENT' }),
      errorCode(null),
    ]).to.deep.equal([undefined, undefined, undefined])
  })
})

describe('failureCauseOf', () => {
  const causes = [
    [new BusyError('x'), 'busy'],
    [new InterruptedError('x'), 'other'],
    [new SourceError('x'), 'source'],
    [new HookError('x'), 'hook'],
    [new ProgramError('x', 'write: No space left on device (28)\n'), 'space'],
    [new ProgramError('x', 'write: Disk quota exceeded (122)\n'), 'space'],
    [new ProgramError('x', 'read: Input/output error (5)\n'), 'io'],
    [new ProgramError('x', 'x'), 'other'],
    [new OperationError('x'), 'other'],
    ['x', 'other'],
  ] as const
  for (const [error, cause] of causes) {
    it(`is ${cause} for ${error instanceof Error ? error.name : 'what is no error'}`, () => {
      expect(failureCauseOf(error)).to.equal(cause)
    })
  }

  it('is space for a quota that is used up', () => {
    expect(failureCauseOf(quotaError)).to.equal('space')
  })

  const codes = [
    ['ENOSPC', 'space'],
    ['EDQUOT', 'space'],
    ['EIO', 'io'],
    ['EROFS', 'io'],
    ['EACCES', 'other'],
  ] as const
  for (const [code, cause] of codes) {
    it(`is ${cause} for what came of ${code}, however often it was explained`, () => {
      const failure = Object.assign(new Error(code), { code })
      const explained = new OperationError('x', { cause: failure })
      expect(failureCauseOf(new OperationError('y', { cause: explained }))).to.equal(cause)
    })
  }

  it('is the same for an error that another thread threw', async () => {
    const script = "throw new Error('x', { cause: Object.assign(new Error('y'), { code: 'EIO' }) })"
    const [error] = (await once(new Worker(script, { eval: true }), 'error')) as [Error]
    expect(failureCauseOf(new OperationError('x', { cause: error }))).to.equal('io')
  })
})

describe('isNotFound', () => {
  it('does not take a path through a file for a missing one', () => {
    expect(isNotFound(errorOf(() => readFileSync('/etc/passwd/x')))).to.equal(false)
  })
})

describe('messageOf', () => {
  it('is the message of an error and the text of anything else', () => {
    expect([messageOf(new Error('x')), messageOf('y'), messageOf(7)]).to.deep.equal(['x', 'y', '7'])
  })

  it('has words for a quota, which Node has not', () => {
    expect(messageOf(quotaError)).to.equal("EDQUOT: disk quota exceeded, open '/x'")
  })
})

describe('throwIfInterrupted', () => {
  it('throws once the process was asked to stop', () => {
    expect(() => throwIfInterrupted(AbortSignal.abort())).to.throw(InterruptedError)
  })

  it('does nothing before', () => {
    expect(() => throwIfInterrupted(new AbortController().signal)).not.to.throw()
  })
})

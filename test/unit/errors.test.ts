import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import {
  BusyError,
  InterruptedError,
  OperationError,
  UsageError,
  errorCode,
  isNotFound,
  messageOf,
  throwIfInterrupted,
} from '../../src/errors.ts'
import { errorOf } from './support/rejection.ts'

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

describe('errorCode', () => {
  it('is the code of a system error', () => {
    expect(errorCode(errorOf(() => readFileSync('/nonexistent')))).to.equal('ENOENT')
  })

  it('is nothing for anything else', () => {
    expect([
      errorCode(new Error('x')),
      errorCode({ code: 'ENOENT' }),
      errorCode(null),
    ]).to.deep.equal([undefined, undefined, undefined])
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
})

describe('throwIfInterrupted', () => {
  it('throws once the process was asked to stop', () => {
    expect(() => throwIfInterrupted(AbortSignal.abort())).to.throw(InterruptedError)
  })

  it('does nothing before', () => {
    expect(() => throwIfInterrupted(new AbortController().signal)).not.to.throw()
  })
})

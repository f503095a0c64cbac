import { expect } from 'chai'
import { problemOf } from '../../../../src/actions/doctor/finding.ts'
import { OperationError } from '../../../../src/errors.ts'

/** What was thrown, and the problem and the fix that are found in it. */
const thrown: readonly [what: string, error: unknown, problem: string, fix: string][] = [
  [
    'an error with a fix',
    new OperationError('the store is full', { fix: 'free space' }),
    'the store is full',
    'free space',
  ],
  [
    'an error whose fix has a colon',
    new OperationError('the store is full', { fix: 'do one of these: free space, or lower it' }),
    'the store is full',
    'do one of these: free space, or lower it',
  ],
  [
    'an error whose problem has one',
    new OperationError('the journal cannot be read: it is cut off;', { fix: 'move it away' }),
    'the journal cannot be read: it is cut off',
    'move it away',
  ],
  [
    'an error without a fix',
    new OperationError('the daemon refused it (500): lookup x: no such host'),
    'the daemon refused it (500): lookup x: no such host',
    "look at the kernel's log (dmesg) and the mount, and run as root",
  ],
  [
    'an error of the system',
    new Error("EIO: i/o error, open '/a: b'"),
    "EIO: i/o error, open '/a: b'",
    "look at the kernel's log (dmesg) and the mount, and run as root",
  ],
]

describe('problemOf', () => {
  for (const [what, error, message, fix] of thrown) {
    it(`tells the whole problem, and the whole fix, of ${what}`, () => {
      expect(problemOf('store', error)).to.deep.equal({
        level: 'problem',
        subject: 'store',
        message,
        fix,
      })
    })
  }
})

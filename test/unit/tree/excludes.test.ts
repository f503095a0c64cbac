import { expect } from 'chai'
import { compileExcludes, isWithin } from '../../../src/tree/excludes.ts'
import { bytePath } from '../../../src/tree/byte-path.ts'

describe('isWithin', () => {
  const cases: [directory: string, pattern: string, expected: boolean][] = [
    ['cache', 'cache/', true],
    ['a/cache/deep/mount', 'cache/', true],
    ['a/mount', '/a/', true],
    ['b/a/mount', '/a/', false],
    ['cached/mount', 'cache/', false],
  ]
  for (const [directory, pattern, expected] of cases) {
    it(`is ${expected} of ${directory} where ${pattern} is left out`, () => {
      expect(isWithin(bytePath(directory), compileExcludes([pattern]))).to.equal(expected)
    })
  }
})

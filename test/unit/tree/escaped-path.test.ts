import { expect } from 'chai'
import * as fc from 'fast-check'
import { escapePath, unescapePath } from '../../../src/tree/escaped-path.ts'

describe('a path as rsync prints it', () => {
  const printed: [bytes: string, expected: string][] = [
    ['a b/c', 'a b/c'],
    ['\xc3\xbc\n', String.raw`\#303\#274\#012`],
    [String.raw`a\b`, String.raw`a\b`],
    [String.raw`a\#101`, String.raw`a\#134#101`],
  ]
  for (const [bytes, expected] of printed) {
    it(`of ${JSON.stringify(bytes)} is ${expected}`, () => {
      expect(escapePath(bytes)).to.equal(expected)
    })
  }

  it('is read back as the same bytes, whatever they are', () => {
    const bytes = fc
      .uint8Array({ min: 1, maxLength: 20 })
      .map((array) => Buffer.from(array).toString('latin1'))
    const paths = fc.oneof(bytes, fc.stringMatching(/^[\\#0-9]{1,12}$/))
    fc.assert(
      fc.property(paths, (path) => {
        const text = escapePath(path)
        expect(text).to.match(/^[ -~]*$/)
        expect(unescapePath(text)).to.equal(path)
      }),
    )
  })
})

import { expect } from 'chai'
import * as fc from 'fast-check'
import { printable } from '../../../src/system/printable.ts'

describe('printable', () => {
  for (const text of ['', 'plain text', 'Grüße', '日本語', '👩‍👩‍👧', 'a\\b', '"x"']) {
    it(`leaves ${JSON.stringify(text)} as it is`, () => {
      expect(printable(text)).to.equal(text)
    })
  }

  const steering: [what: string, text: string, shown: string][] = [
    ['ESC', '\u001b[31m', '\\x1b[31m'],
    ['a newline', 'a\nb', 'a\\x0ab'],
    ['a carriage return', 'a\rb', 'a\\x0db'],
    ['a tab', 'a\tb', 'a\\x09b'],
    ['a backspace', 'a\bb', 'a\\x08b'],
    ['a bell', '\u0007', '\\x07'],
    ['NUL', '\0', '\\x00'],
    ['DEL', '\u007f', '\\x7f'],
    ['the C1 form of ESC [', '\u009b31m', '\\x9b31m'],
    ['the C1 form of OSC', '\u009d', '\\x9d'],
    ['a line separator', '\u2028', '\\x2028'],
    ['a right-to-left override', 'a\u202eb', 'a\\x202eb'],
    ['a right-to-left mark', '\u200f', '\\x200f'],
    ['a right-to-left isolate', '\u2067', '\\x2067'],
    ['an Arabic letter mark', '\u061c', '\\x61c'],
  ]
  for (const [what, text, shown] of steering) {
    it(`shows ${what} instead of obeying it`, () => {
      expect(printable(text)).to.equal(shown)
    })
  }

  it('lets nothing through that moves the cursor, sets a colour or turns the direction', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).to.match(
          /^[^\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$/u,
        )
      }),
    )
  })

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(printable(text))).to.equal(printable(text))
      }),
    )
  })
})

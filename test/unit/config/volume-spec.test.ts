import { normalize } from 'node:path'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { parseVolumeSpec, parseVolumeSpecs } from '../../../src/config/volume-spec.ts'
import { UsageError } from '../../../src/errors.ts'

describe('parseVolumeSpec', () => {
  const right: [text: string, id: string, path: string][] = [
    ['mysql:/var/lib/mysql', 'mysql', '/var/lib/mysql'],
    ['a.b_c-1:/x', 'a.b_c-1', '/x'],
    ['9:/x', '9', '/x'],
    ['a..b:/x', 'a..b', '/x'],
    [`${'x'.repeat(64)}:/x`, 'x'.repeat(64), '/x'],
    ['a:/x/', 'a', '/x'],
    ['a://x///y', 'a', '/x/y'],
    ['a:/x:y', 'a', '/x:y'],
    ['a:/with blank', 'a', '/with blank'],
    ['a:/...', 'a', '/...'],
    ['a:/x/..y', 'a', '/x/..y'],
  ]
  for (const [text, id, path] of right) {
    it(`takes ${JSON.stringify(text.slice(0, 30))}`, () => {
      expect(parseVolumeSpec(text)).to.deep.equal({ id, path })
    })
  }

  const wrong: [what: string, text: string, message: string][] = [
    ['no colon', 'mysql', 'write ID:PATH, such as mysql:/var/lib/mysql'],
    ['nothing', '', 'is not a volume'],
    ['an empty id', ':/x', '"" in ":/x" cannot name a volume'],
    ['an id of ..', '..:/x', 'cannot name a volume'],
    ['an id of .', '.:/x', 'cannot name a volume'],
    ['a hidden id', '.snapshot.json:/x', 'cannot name a volume'],
    ['an id with a slash', 'a/b:/x', 'cannot name a volume'],
    ['an id with a NUL', 'a\0:/x', 'cannot name a volume'],
    ['an id with a newline', 'a\n:/x', 'cannot name a volume'],
    ['an id with a blank', 'a b:/x', 'cannot name a volume'],
    ['an id that looks like an option', '-a:/x', 'cannot name a volume'],
    ['an id that looks like a snapshot', '@GMT-1:/x', 'cannot name a volume'],
    ['an id with an umlaut', 'ä:/x', 'cannot name a volume'],
    ['an id of 65 letters', `${'x'.repeat(65)}:/x`, 'use 1 to 64'],
    ['an empty path', 'a:', 'must be absolute'],
    ['a relative path', 'a:var/lib', 'must be absolute, such as /var/lib/mysql'],
    ['a path with ..', 'a:/var/../etc', 'must not contain . or ..'],
    ['a path that ends with ..', 'a:/var/..', 'must not contain . or ..'],
    ['a path with .', 'a:/var/./lib', 'must not contain . or ..'],
    ['a path with a NUL', 'a:/var\0', 'contains a NUL byte'],
    ['the root', 'a:/', 'names the whole filesystem'],
    ['the root in other words', 'a:///', 'names the whole filesystem'],
  ]
  for (const [what, text, message] of wrong) {
    it(`refuses ${what}`, () => {
      expect(() => parseVolumeSpec(text)).to.throw(UsageError, message)
    })
  }

  it('never gives a path that is not absolute and normalised, nor an id that is no plain name', () => {
    const id = fc.constantFrom('a', '..', '.', '', '/', '\0', '@', 'a.b', '-')
    const path = fc
      .array(fc.constantFrom('/', '//', '.', '..', 'x', '\0', ' ', '\n', ':'))
      .map((parts) => parts.join(''))
    const specLike = fc.oneof(
      fc.tuple(id, path).map(([one, other]) => `${one}:${other}`),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(specLike, (text) => {
        try {
          const spec = parseVolumeSpec(text)
          expect(spec.path).to.match(/^\/[^\0]*[^/\0]$/)
          expect(spec.path).to.equal(normalize(spec.path))
          expect(spec.id).to.match(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
        } catch (error) {
          if (!(error instanceof UsageError)) throw error
          expect(error.message).not.to.include('\n')
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('reads back what it gives', () => {
    const part = fc.stringMatching(/^[a-z0-9: ]{1,8}$/)
    fc.assert(
      fc.property(fc.array(part, { minLength: 1 }), (parts) => {
        const spec = { id: 'a', path: `/${parts.join('/')}` }
        expect(parseVolumeSpec(`${spec.id}:${spec.path}`)).to.deep.equal(spec)
      }),
    )
  })
})

describe('parseVolumeSpecs', () => {
  it('takes several that are apart', () => {
    expect(parseVolumeSpecs(['a:/x', 'b:/y'])).to.deep.equal([
      { id: 'a', path: '/x' },
      { id: 'b', path: '/y' },
    ])
  })

  it('takes a path that only begins like another', () => {
    expect(parseVolumeSpecs(['a:/data', 'b:/database'])).to.have.length(2)
  })

  it('refuses an id given twice', () => {
    expect(() => parseVolumeSpecs(['a:/x', 'b:/y', 'a:/z'])).to.throw(
      UsageError,
      'the volume id a is given twice',
    )
  })

  const overlapping: [what: string, texts: string[]][] = [
    ['one path twice', ['a:/x', 'b:/x']],
    ['one path in two spellings', ['a:/x', 'b:/x//']],
    ['a path inside another', ['a:/x', 'b:/x/y']],
    ['a path around another', ['a:/x/y', 'b:/x']],
    ['a path deep inside another', ['a:/x', 'b:/y', 'c:/x/y/z']],
  ]
  for (const [what, texts] of overlapping) {
    it(`refuses ${what}`, () => {
      expect(() => parseVolumeSpecs(texts)).to.throw(UsageError, 'overlap')
    })
  }
})

import { expect } from 'chai'
import { type ArchiveHeader, formatHeader, parseHeader } from '../../../src/archive/header.ts'

const digest = (digit: string): string => digit.repeat(64)

const full: ArchiveHeader = {
  volume: 'data',
  snapshot: '@GMT-2026.11.20-03.00.00',
  base: undefined,
  depth: 0,
  entries: 3,
  bytes: 12_345,
  digests: { listing: digest('a'), names: digest('b'), contents: undefined },
  baseDigests: undefined,
}
const increment: ArchiveHeader = {
  ...full,
  base: '@GMT-2026.11.19-03.00.00',
  depth: 2,
  digests: { ...full.digests, contents: digest('c') },
  baseDigests: { listing: digest('d'), contents: digest('e') },
}

describe('the header of an archive', () => {
  it('is read as it was written', () => {
    for (const header of [full, increment]) {
      expect(parseHeader(formatHeader(header))).to.deep.equal(header)
    }
  })

  const broken: [what: string, change: (text: string) => string, message: RegExp][] = [
    ['is of a later format', (text) => text.replace('format=1', 'format=2'), /newer snap-volume/],
    ['names no volume', (text) => text.replace('volume=data', 'volume=../x'), /volume/],
    ['names no snapshot', (text) => text.replace('snapshot=@GMT', 'snapshot=GMT'), /snapshot/],
    ['has a number that is none', (text) => text.replace('bytes=1', 'bytes=x'), /bytes/],
    ['has a depth and no base', (text) => text.replace('depth=0', 'depth=1'), /base/],
    ['has a key that is unknown', (text) => `${text}more=1\n`, /broken/],
    ['is empty', () => '', /broken/],
  ]
  for (const [what, change, message] of broken) {
    it(`is refused when it ${what}`, () => {
      expect(() => parseHeader(change(formatHeader(full)))).to.throw(message)
    })
  }
})

import { expect } from 'chai'
import { assertExcludeFits, excludesOf, parseExclude } from '../../../src/config/exclude.ts'
import { UsageError } from '../../../src/errors.ts'

describe('SNAP_EXCLUDE', () => {
  const entries: [entry: string, ofDb: string[], ofFiles: string[]][] = [
    ['*.tmp', ['*.tmp'], ['*.tmp']],
    ['db:/cache/', ['/cache/'], []],
    ['db:a:b', ['a:b'], []],
    [':a:b', ['a:b'], ['a:b']],
    ['[[:digit:]]*', ['[[:digit:]]*'], ['[[:digit:]]*']],
    ['/a:b', ['/a:b'], ['/a:b']],
    ['#recycle/', ['#recycle/'], ['#recycle/']],
    ['!x', ['!x'], ['!x']],
    ['a b', ['a b'], ['a b']],
    ['x[ ]', ['x[ ]'], ['x[ ]']],
    ['a\\', ['a\\'], ['a\\']],
    ['\u00fc*', ['\u00fc*'], ['\u00fc*']],
  ]
  for (const [entry, ofDb, ofFiles] of entries) {
    it(`with ${JSON.stringify(entry)} leaves out what that says of each volume`, () => {
      const parsed = parseExclude(entry)
      expect(excludesOf(parsed, 'db')).to.deep.equal(ofDb)
      expect(excludesOf(parsed, 'files')).to.deep.equal(ofFiles)
    })
  }

  it('has an entry a line, or between bars, and none that is empty', () => {
    expect(parseExclude('a\nb\r\n\n|c|d|\n \n')).to.deep.equal(['a', 'b', 'c', 'd'])
  })

  const wrong: [entry: string, message: string][] = [
    ['db:', 'there is no pattern: write a name, such as *.tmp'],
    [':', 'there is no pattern'],
    ['*.tmp ', 'it begins or ends with a blank: remove it, or write [ ] for it'],
    ['db: *.tmp', 'it begins or ends with a blank'],
    ['\tcache', 'it begins or ends with a blank'],
    ['a\0b', 'it has a NUL byte'],
    ['a\ufffd', 'it has bytes that are no UTF-8: write ? for each of them'],
    ['- *.tmp', 'to rsync that is a rule: write the pattern alone'],
    ['+ *.tmp', 'to rsync that is a rule'],
    ['!', 'to rsync that is a rule'],
    ['/', 'it is the volume itself: write /* for all that is in it'],
    ['//', 'no path has an empty part'],
    ['a//b', 'no path has an empty part'],
    ['a//', 'no path has an empty part'],
    ['./a', 'no path has an empty part, . or ..: write /NAME'],
    ['../a', 'no path has an empty part, . or ..'],
    ['a/..', 'no path has an empty part, . or ..'],
    ['[a', 'it has a [ without its ]: write \\[ for the character'],
    ['[', 'it has a [ without its ]'],
    ['[]', 'it has a [ without its ]'],
    ['[!]', 'it has a [ without its ]'],
    ['[a-', 'it has a [ without its ]'],
    ['[a\\]', 'it has a [ without its ]'],
    ['[[:alpha:]', 'it has a [ without its ]'],
    ['[[:letter:]]', 'there is no class [:letter:]: write one of alnum, alpha, '],
    ['*\\', 'it ends with a \\: write \\\\ for a backslash'],
  ]
  for (const [entry, message] of wrong) {
    it(`is refused with ${JSON.stringify(entry)}, with what to write instead`, () => {
      const parse = (): string[] => parseExclude(`*.log|${entry}`)
      expect(parse).to.throw(UsageError, `SNAP_EXCLUDE has ${JSON.stringify(entry)}: ${message}`)
    })
  }

  const volumes = [
    { id: 'db', path: '/srv/db' },
    { id: 'files', path: '/srv/files' },
  ]

  it('fits where it names volumes that there are', () => {
    assertExcludeFits(['*.tmp', 'files:*.bak', ':a:b'], volumes, 'auto')
  })

  it('is refused where it names one that there is not', () => {
    expect(() => assertExcludeFits(['bd:*.tmp'], volumes, 'auto')).to.throw(
      UsageError,
      'SNAP_EXCLUDE has "bd:*.tmp", and there is no volume bd: write one of db, files before the colon, or ":bd:*.tmp" where the colon is a part of the name',
    )
  })

  it('is refused with engine btrfs for a volume of which it leaves something out', () => {
    expect(() => assertExcludeFits(['files:*.tmp'], volumes, 'btrfs')).to.throw(
      UsageError,
      'set SNAP_ENGINE=auto, or take out the patterns of files',
    )
  })
})

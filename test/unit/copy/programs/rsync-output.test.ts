import { expect } from 'chai'
import * as fc from 'fast-check'
import type { CopyProgress } from '../../../../src/copy/engine.ts'
import {
  firstCause,
  parseProgress,
  readProgress,
  vanishedPaths,
} from '../../../../src/copy/programs/rsync-output.ts'

const line = '      12345  56%    1.23MB/s    0:00:01 (xfr#3, to-chk=4/10)'

describe('parseProgress', () => {
  it('reads bytes, files and how much is done', () => {
    expect(parseProgress(line)).to.deep.equal({
      bytes: 12_345,
      files: 6,
      totalFiles: 10,
      fraction: 0.6,
    })
  })

  it('goes by bytes where they are further than files', () => {
    expect(parseProgress(line.replace('56%', '90%'))?.fraction).to.equal(0.9)
  })

  it('is never more than all', () => {
    expect(parseProgress(line.replace('56%', '104%'))?.fraction).to.equal(1)
  })

  it('reads an empty tree', () => {
    expect(parseProgress('  0   0%  0.00kB/s  0:00:00 (xfr#0, to-chk=0/0)')?.fraction).to.equal(0)
  })

  for (const other of ['', 'sending incremental file list', '  12345  56%  1.23MB/s  0:00:01']) {
    it(`is nothing for ${JSON.stringify(other)}`, () => {
      expect(parseProgress(other)).to.equal(undefined)
    })
  }
})

const read = (chunks: readonly string[]): CopyProgress[] => {
  const seen: CopyProgress[] = []
  const listen = readProgress((progress) => seen.push(progress))
  for (const chunk of chunks) listen(Buffer.from(chunk))
  return seen
}

describe('readProgress', () => {
  it('tells the last line of a chunk', () => {
    const next = line.replace('to-chk=4', 'to-chk=2')
    expect(read([`\r${line}\r${next}\r`]).map(({ files }) => files)).to.deep.equal([8])
  })

  it('waits for the end of a line', () => {
    expect(read([`\r${line}`])).to.deep.equal([])
  })

  it('passes over all other output', () => {
    expect(read(['Number of files: 3\n', 'total size is 7\n'])).to.deep.equal([])
  })

  it('reads a line however it is cut into chunks', () => {
    fc.assert(
      fc.property(fc.nat({ max: line.length }), (cut) => {
        expect(read([line.slice(0, cut), `${line.slice(cut)}\r`])).to.deep.equal([
          parseProgress(line),
        ])
      }),
    )
  })
})

describe('vanishedPaths', () => {
  it('names each file that vanished, and nothing else', () => {
    const stderr =
      'file has vanished: "/proc/7/fd/9/a"\n' +
      'rsync: [sender] something else\n' +
      'file has vanished: "/proc/7/fd/9/b \\#012 c"\n'
    expect(vanishedPaths(stderr)).to.deep.equal(['/proc/7/fd/9/a', '/proc/7/fd/9/b \\#012 c'])
  })

  it('names a directory that vanished (interpret_stat_error in flist.c of rsync)', () => {
    expect(vanishedPaths('directory has vanished: "/proc/7/fd/9/d"\n')).to.deep.equal([
      '/proc/7/fd/9/d',
    ])
  })

  it('keeps quotes in a name', () => {
    expect(vanishedPaths('file has vanished: "/a "b" c"\n')).to.deep.equal(['/a "b" c'])
  })

  it('names none when none did', () => {
    expect(vanishedPaths('')).to.deep.equal([])
  })
})

describe('firstCause', () => {
  it("is rsync's first message, not its summary", () => {
    const stderr =
      '\nrsync: [receiver] write failed on "a": No space left on device (28)\n' +
      'rsync error: error in file IO (code 11) at receiver.c(381)\n'
    expect(firstCause(stderr)).to.include('No space left on device')
  })

  it('is the summary when there is nothing else', () => {
    expect(firstCause('rsync error: syntax (code 1)\n')).to.equal('rsync error: syntax (code 1)')
  })

  it('says so when there is no message', () => {
    expect(firstCause('\n')).to.equal('no message')
  })
})

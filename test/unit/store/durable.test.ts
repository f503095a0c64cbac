import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  createFileDurably,
  readDocument,
  renameDurably,
  writeFileDurably,
} from '../../../src/store/durable.ts'
import { makeFifo } from '../support/fifo.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('a durable file', () => {
  const directory = useTemporaryDirectory()
  const inside = (name: string): string => join(directory.path, name)

  describe('writeFileDurably', () => {
    it('makes a file with the mode given', () => {
      writeFileDurably(inside('a'), 'text', 0o600)
      expect(statSync(inside('a')).mode & 0o777).to.equal(0o600)
    })

    it('replaces a file as a whole', () => {
      writeFileSync(inside('a'), 'something longer')
      writeFileDurably(inside('a'), 'text', 0o600)
      expect(readFileSync(inside('a'), 'utf8')).to.equal('text')
    })

    it('leaves nothing else behind', () => {
      writeFileDurably(inside('a'), 'text', 0o600)
      expect(readdirSync(directory.path)).to.deep.equal(['a'])
    })

    it('writes over what a killed process left of an earlier try', () => {
      writeFileSync(inside('a.new'), 'half of something much longer')
      writeFileDurably(inside('a'), 'text', 0o600)
      expect(readFileSync(inside('a'), 'utf8')).to.equal('text')
    })

    it('replaces a link, and not what it points to', () => {
      writeFileSync(inside('victim'), 'precious')
      symlinkSync('victim', inside('a'))
      writeFileDurably(inside('a'), 'text', 0o600)
      expect(readFileSync(inside('victim'), 'utf8')).to.equal('precious')
    })

    it('refuses to write through a link in place of its temporary file', () => {
      writeFileSync(inside('victim'), 'precious')
      symlinkSync('victim', inside('a.new'))
      expect(() => writeFileDurably(inside('a'), 'text', 0o600)).to.throw('ELOOP')
    })
  })

  describe('createFileDurably', () => {
    it('writes a new file', () => {
      createFileDurably(inside('a'), 'text', 0o644)
      expect(readFileSync(inside('a'), 'utf8')).to.equal('text')
    })

    it('refuses to replace one', () => {
      writeFileSync(inside('a'), 'precious')
      expect(() => createFileDurably(inside('a'), 'text', 0o644)).to.throw('EEXIST')
    })

    it('refuses to write through a link that leads nowhere yet', () => {
      symlinkSync('victim', inside('a'))
      expect(() => createFileDurably(inside('a'), 'text', 0o644)).to.throw('EEXIST')
    })
  })

  describe('renameDurably', () => {
    it('moves a directory into another', () => {
      mkdirSync(inside('from/a'), { recursive: true })
      mkdirSync(inside('to'))
      renameDurably(inside('from/a'), inside('to/a'))
      expect([existsSync(inside('from/a')), existsSync(inside('to/a'))]).to.deep.equal([
        false,
        true,
      ])
    })
  })

  describe('readDocument', () => {
    it('reads a file', () => {
      writeFileSync(inside('a'), 'täxt')
      expect(readDocument(inside('a'))).to.equal('täxt')
    })

    it('reads an empty file', () => {
      writeFileSync(inside('a'), '')
      expect(readDocument(inside('a'))).to.equal('')
    })

    it('refuses a symbolic link', () => {
      writeFileSync(inside('secret'), 'text')
      symlinkSync('secret', inside('a'))
      expect(() => readDocument(inside('a'))).to.throw('ELOOP')
    })

    it('refuses a FIFO at once, without waiting for a writer', () => {
      makeFifo(inside('a'))
      expect(() => readDocument(inside('a'))).to.throw('not a regular file')
    })

    it('refuses a directory', () => {
      mkdirSync(inside('a'))
      expect(() => readDocument(inside('a'))).to.throw('not a regular file')
    })

    it('refuses a file that is too large to be a document', () => {
      writeFileSync(inside('a'), '')
      truncateSync(inside('a'), 2 ** 40)
      expect(() => readDocument(inside('a'))).to.throw('larger than 16777216 bytes')
    })
  })
})

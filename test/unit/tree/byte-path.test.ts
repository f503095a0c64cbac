import { closeSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  bytePath,
  displayPath,
  joinPath,
  lstatIfThere,
  nameOf,
  openBelow,
  openIfDirectory,
  parentOf,
  readNames,
  systemPath,
} from '../../../src/tree/byte-path.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('a path of any bytes', () => {
  it('comes out as the bytes that went in', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const path = Buffer.from(bytes).toString('latin1')
        expect(Buffer.from(systemPath(path))).to.deep.equal(Buffer.from(bytes))
      }),
    )
  })

  it('stays a string where all is ASCII, and only there', () => {
    expect(systemPath('a\n\x7f')).to.equal('a\n\x7f')
    expect(systemPath('\x80')).to.deep.equal(Buffer.from([0x80]))
  })

  it('comes from text as its UTF-8, and is shown as that text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(systemPath(bytePath(text)).toString()).to.equal(text)
        expect(displayPath(bytePath(text))).to.equal(text)
      }),
    )
  })

  it('is shown with U+FFFD for bytes that are no UTF-8', () => {
    expect(displayPath('a\xffb')).to.equal('a\ufffdb')
  })

  it('is joined to its directory, and to nothing at the root', () => {
    expect([joinPath('', 'a'), joinPath('d', 'a')]).to.deep.equal(['a', 'd/a'])
  })

  it('is a directory and a name in it, which at the root is the empty path', () => {
    const paths = ['a', 'd/a', 'd/e/a']
    expect(paths.map(parentOf)).to.deep.equal(['', 'd', 'd/e'])
    expect(paths.map(nameOf)).to.deep.equal(['a', 'a', 'a'])
  })

  describe('on a disk', () => {
    const directory = useTemporaryDirectory()

    it('is found under its bytes', () => {
      const name = '\xff\xfe\xc3\xbc\n'
      writeFileSync(systemPath(`${directory.path}/${name}`), '123')
      expect(readNames(directory.path)).to.deep.equal([name])
      expect(lstatIfThere(`${directory.path}/${name}`)?.size).to.equal(3n)
    })

    it('is nothing where it is not', () => {
      expect(lstatIfThere(join(directory.path, 'x'))).to.equal(undefined)
      expect(openIfDirectory(join(directory.path, 'x'))).to.equal(undefined)
    })

    it('is opened as a directory below another', () => {
      mkdirSync(systemPath(`${directory.path}/d/\xff/e`), { recursive: true })
      const descriptor = openBelow(directory.path, 'd/\xff/e') ?? -1
      const real = readlinkSync(`/proc/self/fd/${descriptor}`, 'buffer')
      closeSync(descriptor)
      expect(real.toString('latin1')).to.equal(`${directory.path}/d/\xff/e`)
    })

    const notDirectories: Record<string, string> = {
      'a file': 'file',
      'a link to a directory': 'link',
      'below a link': 'link/e',
      'below a file': 'file/e',
      'not there': 'x/y',
    }
    for (const [what, path] of Object.entries(notDirectories)) {
      it(`is not opened when it is ${what}`, () => {
        mkdirSync(join(directory.path, 'd/e'), { recursive: true })
        writeFileSync(join(directory.path, 'file'), '')
        symlinkSync('d', join(directory.path, 'link'))
        expect(openBelow(directory.path, path)).to.equal(undefined)
      })
    }
  })
})

import { expect } from 'chai'
import * as fc from 'fast-check'
import { PathList, eachPath, listPaths } from '../../../src/tree/path-list.ts'

/** Paths of any bytes but NUL, one character a byte. */
const path = fc
  .uint8Array({ minLength: 1, maxLength: 300 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 ? 1 : byte))).toString('latin1'))

describe('a list of paths', () => {
  it('gives back what it was given, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(path), (paths) => {
        expect([...eachPath(listPaths(paths))]).to.deep.equal(paths)
      }),
    )
  })

  it('is bytes with NUL after each path, as rsync --from0 reads them', () => {
    expect(listPaths(['a\xff', 'b']).toString('latin1')).to.equal('a\xff\0b\0')
  })

  it('is empty without a path', () => {
    expect([listPaths([]).length, [...eachPath(listPaths([]))]]).to.deep.equal([0, []])
  })

  it('counts its paths', () => {
    const list = new PathList()
    for (const added of ['a', 'b', 'c']) list.add(added)
    expect(list.count).to.equal(3)
  })

  it('is read from a part of a larger buffer too', () => {
    const larger = Buffer.from('before\0a\0b\0after\0')
    expect([...eachPath(larger.subarray(7, 11))]).to.deep.equal(['a', 'b'])
  })

  it('holds a path that is longer than all before', () => {
    const long = 'x'.repeat(5000)
    expect([...eachPath(listPaths(['a', long, 'b']))]).to.deep.equal(['a', long, 'b'])
  })
})

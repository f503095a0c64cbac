import { expect } from 'chai'
import { filesFrom } from '../../../../src/copy/programs/files-from.ts'
import { listPaths } from '../../../../src/tree/path-list.ts'

function inputFor(...paths: string[]): string[] {
  return filesFrom(listPaths(paths)).input.toString('latin1').split('\0').slice(0, -1)
}

describe('A list of paths for rsync', () => {
  it('is the list itself where nothing looks like a comment', () => {
    const list = listPaths(['a', 'b#', 'c/#d', '.', '-'])
    expect(filesFrom(list).input.equals(list)).to.equal(true)
    expect(inputFor()).to.deep.equal([])
  })

  it('has a slash before what would be a comment, and nowhere else', () => {
    expect(inputFor('#', 'a', ';b', '\n#c', '#d/#e', 'f')).to.deep.equal([
      '/#',
      'a',
      '/;b',
      '\n#c',
      '/#d/#e',
      'f',
    ])
  })
})

import { execFileSync } from 'node:child_process'
import { expect } from 'chai'
import { shellWord } from '../../../src/system/shell-word.ts'

describe('shellWord', () => {
  it('leaves a plain path as it is', () => {
    expect(shellWord('/srv/data.snap-volume-old')).to.equal('/srv/data.snap-volume-old')
  })

  for (const text of ["it's", 'two words', '$HOME', '*', '', 'a"b\\c', '~x', '`id`', 'new\nline']) {
    it(`is read by sh as what it was: ${JSON.stringify(text)}`, () => {
      const printed = execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], {
        encoding: 'utf8',
      })
      expect(printed).to.equal(text)
    })
  }
})

import { expect } from 'chai'
import { counted } from '../../../src/system/counted.ts'

describe('counted', () => {
  const cases: [count: number, text: string, counted: string][] = [
    [0, '{file|files}', '0 files'],
    [1, '{file|files}', '1 file'],
    [2, '{directory|directories} {was|were} moved', '2 directories were moved'],
    [1, '{directory|directories} {was|were} moved', '1 directory was moved'],
    [1, 'of them{|, all}', '1 of them'],
    [1, 'as it is', '1 as it is'],
  ]
  for (const [count, text, expected] of cases) {
    it(`makes ${JSON.stringify(expected)} of ${count} and ${JSON.stringify(text)}`, () => {
      expect(counted(count, text)).to.equal(expected)
    })
  }
})

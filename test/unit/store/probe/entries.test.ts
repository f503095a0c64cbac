import { expect } from 'chai'
import { highestId } from '../../../../src/store/probe/entries.ts'

describe('highestId', () => {
  const cases: [where: string, map: string, id: number][] = [
    ['outside of user namespaces', '         0          0 4294967295\n', 70_001],
    ['in one of 65,536 users', '0 100000 65536\n', 60_001],
    ['in one of few users', '0 100000 100\n', 1],
    ['in one of root alone', '0 1000 1\n', 0],
    ['in one of two ranges', '0 1000 1\n1 100000 100000\n', 70_001],
  ]
  for (const [where, map, id] of cases) {
    it(`is ${id} ${where}`, () => {
      expect(highestId(map)).to.equal(id)
    })
  }
})

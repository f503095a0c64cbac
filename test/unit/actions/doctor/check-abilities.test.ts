import { expect } from 'chai'
import { findingsOf, formatNs } from '../../../../src/actions/doctor/check-abilities.ts'
import { allAbilities } from '../../../../src/store/abilities.ts'

const levels = (lacks: string[], isAccepted: boolean, mtimeStepNs = 1): string[] =>
  findingsOf({ lacks, mtimeStepNs }, isAccepted).map(({ level, subject }) => `${level}: ${subject}`)

describe('Findings of what a store keeps', () => {
  it('are good where it keeps all', () => {
    expect(findingsOf(allAbilities, false).map(({ level }) => level)).to.deep.equal(['ok', 'ok'])
  })

  it('are problems where a restore would be wrong without a word', () => {
    expect(levels(['owners', 'hard links', 'names not in UTF-8'], false)).to.deep.equal([
      'problem: owners',
      'problem: hard links',
      'note: names not in UTF-8',
    ])
  })

  it('are notes where that is accepted', () => {
    expect(levels(['owners'], true)).to.deep.equal(['ok: hard links', 'note: owners'])
  })

  it('name the step of coarse times', () => {
    expect(levels([], false, 1e9)).to.include('note: times')
  })
})

describe('formatNs', () => {
  for (const [ns, text] of [
    [100, '100 ns'],
    [1000, '1 us'],
    [1e7, '10 ms'],
    [2e9, '2 s'],
  ] as const) {
    it(`writes ${text}`, () => {
      expect(formatNs(ns)).to.equal(text)
    })
  }
})

import { expect } from 'chai'
import { parseOptions, scenarioNames } from '../../../bench/options.ts'
import { UsageError } from '../../../src/errors.ts'

describe('parseOptions', () => {
  it('wants everything, and writes it to docs, when nothing is said', () => {
    const { files, runs, scenarios, output } = parseOptions([])
    expect([files, runs, scenarios]).to.deep.equal([100_000, 5, [...scenarioNames]])
    expect(output).to.match(/\/docs\/$/)
  })

  it('takes the scenarios that are named, in the order they always have', () => {
    expect(parseOptions(['--only', 'delete,first']).scenarios).to.deep.equal(['first', 'delete'])
  })

  it('writes a part of the scenarios only where it is told to', () => {
    expect(parseOptions(['--only', 'first']).output).to.equal(undefined)
    expect(parseOptions(['--only', 'first', '--output', 'x']).output).to.equal('x')
  })

  const refused: [what: string, words: string[], message: RegExp][] = [
    ['no run', ['--runs', '0'], /--runs is 0: give a whole number from 1 on/],
    ['too few files for one percent', ['--files', '99'], /--files is 99/],
    ['a number that is none', ['--files', '1e6'], /--files is 1e6/],
    ['an unknown scenario', ['--only', 'first,last'], /no scenario 'last': choose from first,/],
    ['an unknown option', ['--fast'], /--fast/],
    ['a word without an option', ['first'], /first/],
  ]
  for (const [what, words, message] of refused) {
    it(`refuses ${what}`, () => {
      expect(() => parseOptions(words)).to.throw(UsageError, message)
    })
  }
})

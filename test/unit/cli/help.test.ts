import { expect } from 'chai'
import { commands } from '../../../src/cli/commands/index.ts'
import { commonOptions, formatCommandHelp, formatHelp } from '../../../src/cli/help.ts'

function lengthsOver(limit: number, text: string): string[] {
  return text.split('\n').filter((line) => line.length > limit)
}

describe('the help of the whole program', () => {
  const help = formatHelp(commands)

  it('leads with examples', () => {
    expect(help.split('\n').slice(0, 3)[2]).to.equal('Examples:')
  })

  for (const { name, summary } of commands) {
    it(`names ${name} and says what it does`, () => {
      expect(help).to.match(new RegExp(`^  ${name}\\b`, 'm'))
      expect(help).to.include(summary)
    })
  }

  for (const code of [0, 1, 2, 3, 75, 130]) {
    it(`says what exit code ${code} means`, () => {
      expect(help).to.match(new RegExp(`Exit codes:.*\\b${code} [a-z]`))
    })
  }

  it('fits into 110 columns', () => {
    expect(lengthsOver(110, help)).to.deep.equal([])
  })
})

for (const command of commands) {
  describe(`the help of ${command.name}`, () => {
    const help = formatCommandHelp(command)
    const options = { ...command.options, ...commonOptions }

    it('has an example', () => {
      expect(command.examples.length).to.be.greaterThan(0)
    })

    it('leads with the examples', () => {
      expect(help.indexOf('Examples:')).to.be.lessThan(help.indexOf('Usage:'))
      expect(help.split('\n')[2]).to.equal('Examples:')
    })

    it('has examples of this command only, each with what it does', () => {
      for (const [line, does] of command.examples) {
        expect(line.split(' ')[0]).to.equal(command.name)
        expect(does).not.to.equal('')
      }
    })

    it('has examples without options that do not exist', () => {
      const used = command.examples.flatMap(([line]) => line.match(/--[a-z-]+/g) ?? [])
      expect(used.filter((option) => !(option.slice(2) in options))).to.deep.equal([])
    })

    it('describes every option', () => {
      for (const [name, { describe: text }] of Object.entries(options)) {
        expect(help).to.match(new RegExp(`--${name}\\b`))
        expect(text).not.to.equal('')
        expect(help).to.include(text)
      }
    })

    it('describes every argument', () => {
      for (const { name, describe: text } of command.positionals) {
        expect(help).to.include(name.toUpperCase())
        expect(text).not.to.equal('')
        expect(help).to.include(text)
      }
    })

    it('gives no letter to two options', () => {
      const letters = Object.values(options).flatMap(({ alias }) => alias ?? [])
      expect(new Set(letters).size).to.equal(letters.length)
    })

    it('fits into 110 columns', () => {
      expect(lengthsOver(110, help)).to.deep.equal([])
    })
  })
}

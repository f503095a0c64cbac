import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { commands } from '../../../src/cli/commands/index.ts'
import { formatHelp } from '../../../src/cli/help.ts'
import { describeVariables, readSettings } from '../../../src/config/settings.ts'

const variables = describeVariables()

/**
 * Name and default of each variable in a document's table; a row may say that others are likewise.
 */
function tableOf(document: string): string[][] {
  const text = readFileSync(new URL(`../../../${document}`, import.meta.url), 'utf8')
  const rows = text.matchAll(/^\| `((?:SNAP|DOCKER)_\w+)` *\| (?:`(.*?)`)? *\|.*$/gm)
  return [...rows].flatMap(([row, name = '', fallback = '']) => {
    const names = /likewise|同様/.test(row) ? namesIn(row) : [name]
    return names.map((each) => [each, fallback])
  })
}

function namesIn(text: string): string[] {
  return text.match(/\b(?:SNAP|DOCKER)_[A-Z_]+/g) ?? []
}

describe('the variables of the environment', () => {
  for (const document of ['README.md', 'README.ja.md']) {
    it(`are those of the table in ${document}, with their defaults`, () => {
      const declared = variables.map(({ name, fallback = '' }) => [name, fallback])
      expect(tableOf(document)).to.have.deep.members(declared)
    })
  }

  it('are those that the help names', () => {
    const [environment = ''] = /^Environment: [\s\S]*?\n\n/m.exec(formatHelp(commands)) ?? []
    expect(namesIn(environment)).to.have.members(variables.map(({ name }) => name))
  })

  for (const { name, describe: does, fallback } of variables) {
    it(`say in one line what ${name} is for`, () => {
      expect(does).to.match(/^[^\n]{5,100}$/)
    })

    if (fallback === undefined) continue
    it(`mean the same with ${name}=${fallback} as without it`, () => {
      const { given: _, ...values } = readSettings({ [name]: fallback })
      const { given: __, ...defaults } = readSettings({})
      expect(values).to.deep.equal(defaults)
    })
  }
})

import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { commands } from '../../../src/cli/commands/index.ts'

describe('docs/remote.md', () => {
  it('names the commands that are never handed to a daemon elsewhere, and no others', () => {
    const text = readFileSync(new URL('../../../docs/remote.md', import.meta.url), 'utf8')
    const [, list = ''] = /makes known\. ([^.]*) always run here\./.exec(text) ?? []
    const named = [...list.matchAll(/`([^`]+)`/g)].map(([, name]) => name)
    const local = commands.filter(({ isLocal }) => isLocal === true).map(({ name }) => name)
    expect(named).to.have.members(local)
  })
})

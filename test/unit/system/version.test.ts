import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { programVersion } from '../../../src/system/version.ts'

describe('programVersion', () => {
  it('is what package.json says', () => {
    const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
    expect(programVersion).to.equal((JSON.parse(text) as { version: string }).version)
  })
})

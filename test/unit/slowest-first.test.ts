import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

const repository = fileURLToPath(new URL('../../', import.meta.url))

describe('test/slowest-first.txt', () => {
  const names = readFileSync(join(repository, 'test/slowest-first.txt'), 'utf8').split('\n')

  it('names files of tests that there are', () => {
    expect(names.pop(), 'after the last newline').to.equal('')
    expect(names.filter((name) => !existsSync(join(repository, name)))).to.deep.equal([])
  })
})

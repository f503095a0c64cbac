import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { readIndex } from '../../../../src/copy/index/read-index.ts'
import { formatIndex } from '../../../../src/copy/index/header.ts'
import { makeFifo } from '../../support/fifo.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

const empty = formatIndex(
  { mount: undefined, tree: { ino: 1n, ctimeNs: 1n }, racyCutoffNs: 0n },
  [],
)

describe('readIndex', () => {
  const directory = useTemporaryDirectory()
  const file = (): string => join(directory.path, 'index')

  it('reads one that is whole', () => {
    writeFileSync(file(), empty)
    expect(readIndex(file())).to.deep.equal(empty)
  })

  const substitutes: Record<string, () => void> = {
    nothing: () => undefined,
    'an empty file': () => writeFileSync(file(), ''),
    'a text': () => writeFileSync(file(), 'hello\n'),
    'a directory': () => mkdirSync(file()),
    'a pipe': () => makeFifo(file()),
    'a link to one': () => {
      writeFileSync(`${file()}.whole`, empty)
      symlinkSync(`${file()}.whole`, file())
    },
  }
  for (const [what, make] of Object.entries(substitutes)) {
    it(`gives none where there is ${what}`, () => {
      make()
      expect(readIndex(file())).to.equal(undefined)
    })
  }

  it('gives none where no file is named', () => {
    expect(readIndex(undefined)).to.equal(undefined)
  })
})

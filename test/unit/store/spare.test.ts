import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { StoreLayout } from '../../../src/store/layout.ts'
import { createStore } from '../../../src/store/open.ts'
import { canBeSpare, dropSpares, findSpare, keepSpare } from '../../../src/store/spare.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const name = 'GMT-2026.11.20-03.00.00'

describe('the spare', () => {
  const directory = useTemporaryDirectory()
  let store: StoreLayout
  let removed: string

  beforeEach(() => {
    store = createStore(join(directory.path, 'store'))
    removed = join(store.directory, `@${name}`)
    mkdirSync(join(removed, 'data'), { recursive: true })
    writeFileSync(join(removed, 'data/a'), 'old')
    writeFileSync(join(removed, '.snapshot.json'), '{}')
    writeFileSync(join(removed, '.snapshot.seal.data'), 'seal')
  })

  it('is a removed snapshot as a whole, with the ctimes of its volumes', () => {
    const before = lstatSync(join(removed, 'data'), { bigint: true })
    keepSpare(store, removed)
    expect(readdirSync(store.directory)).to.deep.equal(['.snap-volume'])
    const { tree = '', seal } = findSpare(store, 'data') ?? {}
    expect([tree, seal]).to.deep.equal([
      join(store.spare, name, 'data'),
      join(store.spare, name, '.snapshot.seal.data'),
    ])
    const after = lstatSync(tree, { bigint: true })
    expect([after.ino, after.ctimeNs]).to.deep.equal([before.ino, before.ctimeNs])
  })

  it('takes the place of the one before, which goes to the trash', () => {
    mkdirSync(join(store.spare, name, 'data'), { recursive: true })
    keepSpare(store, removed)
    expect(readFileSync(join(store.spare, name, 'data/a'), 'utf8')).to.equal('old')
    expect(readdirSync(store.trash)).to.have.length(1)
  })

  it('is not found for a volume that it has not', () => {
    keepSpare(store, removed)
    expect(findSpare(store, 'mail')).to.equal(undefined)
  })

  it('is not found for a volume that has no seal', () => {
    mkdirSync(join(removed, 'mail'))
    keepSpare(store, removed)
    expect(findSpare(store, 'mail')).to.equal(undefined)
  })

  it('is not found where a link or a file is in the place of the volume', () => {
    symlinkSync('data', join(removed, 'link'))
    for (const id of ['link', 'file', 'a']) {
      writeFileSync(join(removed, `.snapshot.seal.${id}`), '')
    }
    writeFileSync(join(removed, 'file'), '')
    keepSpare(store, removed)
    expect(['link', 'file', 'a'].map((id) => findSpare(store, id))).to.deep.equal(
      Array(3).fill(undefined),
    )
  })

  it('is not found where there is none', () => {
    expect(findSpare(store, 'data')).to.equal(undefined)
  })

  it('can only be what has a seal', () => {
    const unsealed = join(directory.path, 'unsealed')
    mkdirSync(unsealed)
    expect([removed, unsealed].map(canBeSpare)).to.deep.equal([true, false])
  })

  it('goes to the trash when its space is wanted', () => {
    keepSpare(store, removed)
    dropSpares(store)
    expect([readdirSync(store.spare), readdirSync(store.trash).length]).to.deep.equal([[], 1])
  })
})

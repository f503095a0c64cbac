import {
  existsSync,
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
import { dropSpares, keepSpares, takeSpare } from '../../../src/store/spare.ts'
import { createStagedVolume, createStaging } from '../../../src/store/staging.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('the spare', () => {
  const directory = useTemporaryDirectory()
  let store: StoreLayout
  let removed: string

  beforeEach(() => {
    store = createStore(join(directory.path, 'store'))
    removed = join(directory.path, 'removed')
    mkdirSync(join(removed, 'data'), { recursive: true })
    writeFileSync(join(removed, 'data/a'), 'old')
    writeFileSync(join(removed, '.snapshot.json'), '{}')
  })

  it('is the tree of each volume of a removed snapshot, and nothing else of it', () => {
    mkdirSync(join(removed, 'mail'))
    keepSpares(store, removed)
    expect(readdirSync(store.spare).toSorted()).to.deep.equal(['data', 'mail'])
    expect(readdirSync(removed)).to.deep.equal(['.snapshot.json'])
  })

  it('is never a file or a link', () => {
    writeFileSync(join(removed, 'file'), '')
    symlinkSync('/etc', join(removed, 'link'))
    keepSpares(store, removed)
    expect(readdirSync(store.spare)).to.deep.equal(['data'])
  })

  it('takes the place of the one before, which goes to the trash', () => {
    mkdirSync(join(store.spare, 'data'))
    keepSpares(store, removed)
    expect(readFileSync(join(store.spare, 'data/a'), 'utf8')).to.equal('old')
    expect(readdirSync(store.trash)).to.have.length(1)
  })

  it('is taken once', () => {
    keepSpares(store, removed)
    const targets = ['one', 'two'].map((name) => join(directory.path, name))
    const taken = targets.map((target) => takeSpare(store, 'data', target))
    expect([taken, targets.map(existsSync)]).to.deep.equal([
      [true, false],
      [true, false],
    ])
  })

  it('is of one volume', () => {
    keepSpares(store, removed)
    expect(takeSpare(store, 'mail', join(directory.path, 'mail'))).to.equal(false)
  })

  it('goes to the trash when its space is wanted', () => {
    keepSpares(store, removed)
    dropSpares(store)
    expect([readdirSync(store.spare), readdirSync(store.trash).length]).to.deep.equal([[], 1])
  })

  it('is what a staged volume begins with, where the engine can', () => {
    keepSpares(store, removed)
    const staging = createStaging(store)
    const { target, refill } = createStagedVolume(store, staging, 'data', { fromSpare: true })
    expect([refill, readdirSync(target)]).to.deep.equal([true, ['a']])
  })

  it('is not what a staged volume begins with, where the engine cannot', () => {
    keepSpares(store, removed)
    const staging = createStaging(store)
    const { target, refill } = createStagedVolume(store, staging, 'data', { fromSpare: false })
    expect([refill, readdirSync(target), readdirSync(store.spare)]).to.deep.equal([
      false,
      [],
      ['data'],
    ])
  })
})

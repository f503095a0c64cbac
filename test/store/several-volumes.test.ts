import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { startDaemon } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('Two volumes', () => {
  let store: TestStore
  let other: string

  beforeEach(async () => {
    store = await makeStore()
    other = `${store.data}.other`
    await mkdir(other)
    await writeFile(join(other, 'file'), 'of the other volume\n')
    const daemon = await startDaemon([store.spec, `other:${other}`], { env: store.env })
    await daemon.stop()
  })

  afterEach(() => store.remove())

  const otherIn = (name: string): string => join(store.directory, name, 'other')

  it('are in one snapshot', async () => {
    const name = await store.snapshot()
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
    expect(compareTrees(walkTree(other), walkTree(otherIn(name)))).to.deep.equal([])
  })

  it('are published together or not at all', async () => {
    await store.snapshot()
    const before = store.published()
    await rm(join(other, 'file'))
    expectRefusal(await store.run(['snapshot']), 1, /volume other is not snapshotted/)
    expect(compareTrees(before, store.published())).to.deep.equal([])
  })

  it('are restored one by one with --volume', async () => {
    const name = await store.snapshot()
    await writeFile(join(store.data, 'hello.txt'), 'damaged\n')
    await writeFile(join(other, 'file'), 'damaged\n')
    const untouched = walkTree(store.data)
    await store.run(['restore', name, '--volume', 'other', '--yes'])
    expect(compareTrees(walkTree(otherIn(name)), walkTree(other))).to.deep.equal([])
    expect(compareTrees(untouched, walkTree(store.data))).to.deep.equal([])
  })

  it('go back with --undo only as far as they were restored', async () => {
    await store.snapshot()
    await writeFile(join(other, 'file'), 'damaged\n')
    const damaged = walkTree(other)
    await store.run(['restore', 'latest', '--volume', 'other', '--yes'])
    await writeFile(join(store.data, 'hello.txt'), 'written since\n')
    const since = walkTree(store.data)
    await store.run(['restore', '--undo', '--yes'])
    expect(compareTrees(damaged, walkTree(other))).to.deep.equal([])
    expect(compareTrees(since, walkTree(store.data))).to.deep.equal([])
  })
})

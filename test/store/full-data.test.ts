import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Mounted, mountTmpfs } from '../support/mounts.ts'
import { expectRefusal } from '../support/refusal.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'

describe('A restore that does not fit into the data’s filesystem', () => {
  let filesystem: Mounted
  let store: TestStore
  let snapshot: string
  let replaced: Tree

  beforeEach(async () => {
    filesystem = await mountTmpfs('size=16m')
    store = await makeStore({ dataOn: filesystem.path })
    await writeFile(join(store.data, 'large'), Buffer.alloc(8_000_000, 'x'))
    snapshot = await store.snapshot()
    await rm(join(store.data, 'large'))
    await filesystem.remount('size=4m')
    replaced = walkTree(store.data)
  })

  afterEach(async () => {
    await store?.remove()
    await filesystem?.remove()
  })

  const restore = (...words: string[]) => store.run(['restore', '--yes', ...words])

  it('fails in one line that says what is full and how to go on', async () => {
    const finished = await restore(snapshot)
    const own = finished.stderr.split('\n').filter((line) => line.startsWith('snap-volume: '))
    expect(own).to.have.length(1)
    expect(own[0]).to.match(/full \(.*left\): .*finish it with .* restore --undo/)
    expect(finished.exitCode).to.equal(1)
  })

  it('keeps snapshots from being taken of the mixture it left', async () => {
    await restore(snapshot)
    expectRefusal(await store.run(['snapshot']), 1, /a restore of \S+ into data was cut off/)
  })

  it('is finished by the same command once there is room', async () => {
    await restore(snapshot)
    await filesystem.remount('size=16m')
    const { exitCode } = await restore(snapshot)
    expect(compareTrees(walkTree(store.dataIn(snapshot)), walkTree(store.data))).to.deep.equal([])
    expect(exitCode).to.equal(0)
  })

  it('is undone by --undo, to what was there before it began', async () => {
    await restore(snapshot)
    const { exitCode } = await restore('--undo')
    expect(compareTrees(replaced, walkTree(store.data))).to.deep.equal([])
    expect(exitCode).to.equal(0)
  })
})

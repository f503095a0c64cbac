import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { lastDocumentOf, startDaemon } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('Two volumes', () => {
  const store = useStore()
  let other: string

  beforeEach(async () => {
    other = `${store.data}.other`
    await mkdir(other)
    await writeFile(join(other, 'file'), 'of the other volume\n')
    const daemon = await startDaemon([store.spec, `other:${other}`], { env: store.env })
    await daemon.stop()
  })

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

  it('of which one is gone from a snapshot are refused, and restored without it by the full name', async () => {
    const older = await store.snapshot()
    const name = await store.snapshot()
    await rm(otherIn(name), { recursive: true })
    await writeFile(join(store.data, 'hello.txt'), 'later\n')
    const gone = /the data of other in \S+ are gone/
    expectRefusal(await store.run(['restore', name, '--yes']), 1, gone)
    expectRefusal(await store.run(['restore', name, '--volume', 'other', '--yes']), 1, gone)
    const shown = await store.run(['show', name])
    expect(shown.stdout).to.match(/^warning: \S+ is damaged .*the data of other/m)
    const document = lastDocumentOf(await store.run(['show', name, '--json']))
    expect(document['problem']).to.match(gone)
    const restored = await store.run(['restore', name, '--volume', 'data', '--yes'])
    expect(restored.exitCode, restored.stderr).to.equal(0)
    expect(compareTrees(walkTree(store.dataIn(name)), walkTree(store.data))).to.deep.equal([])
    expect((await store.run(['show', 'latest'])).stdout).to.contain(older)
  })

  it('of which one is gone from what a restore replaced are undone by its name, one by one', async () => {
    const name = await store.snapshot()
    await writeFile(join(store.data, 'hello.txt'), 'later\n')
    await store.run(['restore', name, '--yes'])
    const safety = store.snapshotNames().at(-1) ?? ''
    await rm(otherIn(safety), { recursive: true })
    expectRefusal(
      await store.run(['restore', '--undo', '--yes']),
      1,
      new RegExp(`the data of other in ${safety} are gone`),
    )
    const undone = await store.run(['restore', safety, '--volume', 'data', '--yes'])
    expect(undone.exitCode, undone.stderr).to.equal(0)
    expect(await readFile(join(store.data, 'hello.txt'), 'utf8')).to.equal('later\n')
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

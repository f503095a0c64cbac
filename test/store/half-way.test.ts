import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'

describe('A restore that fails half-way, at a file that is immutable,', () => {
  let store: TestStore
  let snapshot: string
  let replaced: Tree

  beforeEach(async function () {
    store = await makeStore()
    await shellIn(store.data, 'mkdir a z; for f in a/1 a/2 z/1 z/2; do echo old > $f; done')
    snapshot = await store.snapshot()
    await shellIn(
      store.data,
      'for f in a/1 z/1 hello.txt; do echo new > $f; done; rm a/2; echo > z/3',
    )
    replaced = walkTree(store.data)
    const { failed } = await execa('chattr', ['+i', join(store.data, 'hello.txt')], {
      reject: false,
    })
    if (failed) skipBecause(this, 'no chattr +i on the filesystem of the temporary directory')
  })

  afterEach(async () => {
    await release()
    await store.remove()
  })

  const release = (): Promise<string> =>
    shellIn('/', `chattr -R -f -i ${store.directory} ${store.data} || true`)

  const restore = (...words: string[]) => store.run(['restore', '--yes', ...words])

  it('says in one line which it is, and how to go on', async () => {
    const finished = await restore(snapshot)
    const own = finished.stderr.split('\n').filter((line) => line.startsWith('snap-volume: '))
    expect(own).to.have.length(1)
    expect(own[0]).to.match(/hello\.txt.*immutable; chattr -i .*finish it with .* restore --undo/)
    expect(finished.exitCode).to.equal(1)
  })

  it('keeps snapshots from being taken of the mixture it left', async () => {
    await restore(snapshot)
    expectRefusal(await store.run(['snapshot']), 1, /a restore of \S+ into data was cut off/)
  })

  it('leaves nothing of its own in the data', async () => {
    await restore(snapshot)
    expect(await shellIn(store.data, 'find . -name ".snap-volume*"')).to.equal('')
  })

  it('is finished by the same command once that can be replaced', async () => {
    await restore(snapshot)
    await release()
    const { exitCode, stderr } = await restore(snapshot)
    expect(compareTrees(walkTree(store.dataIn(snapshot)), walkTree(store.data))).to.deep.equal([])
    expect(exitCode, stderr).to.equal(0)
  })

  it('is undone by --undo, to what was there before it began', async () => {
    await restore(snapshot)
    await release()
    const { exitCode, stderr } = await restore('--undo')
    expect(compareTrees(replaced, walkTree(store.data))).to.deep.equal([])
    expect(exitCode, stderr).to.equal(0)
  })
})

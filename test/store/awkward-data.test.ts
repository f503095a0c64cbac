import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { type Mounted, mountTmpfs, bindMount } from '../support/mounts.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('An immutable file', () => {
  let store: TestStore

  beforeEach(async function () {
    store = await makeStore()
    const { failed } = await execa('chattr', ['+i', join(store.data, 'hello.txt')], {
      reject: false,
    })
    if (failed) skipBecause(this, 'no chattr +i on the filesystem of the temporary directory')
  })

  afterEach(async () => {
    await shellIn('/', `chattr -R -f -i ${store.directory} ${store.data} || true`)
    await store.remove()
  })

  it('is in the snapshot', async () => {
    const source = walkTree(store.data)
    const name = await store.snapshot()
    expect(compareTrees(source, walkTree(store.dataIn(name)))).to.deep.equal([])
  })

  it('that a restore would have to change makes it fail and name the file', async () => {
    await shellIn(store.data, 'chattr -i hello.txt; echo other > hello.txt')
    await store.snapshot()
    await shellIn(store.data, 'echo immutable > hello.txt; chattr +i hello.txt')
    const { exitCode, stderr } = await store.run(['restore', 'latest', '--yes'])
    expect(stderr).to.match(
      /^snap-volume: .*hello\.txt cannot be replaced: it is immutable; chattr -i it/m,
    )
    expect(exitCode).to.equal(1)
  })
})

describe('Another filesystem inside the data', () => {
  let store: TestStore
  let inside: Mounted

  beforeEach(async () => {
    store = await makeStore()
    await mkdir(join(store.data, 'inside'))
    const filesystem = await mountTmpfs('size=1m')
    await writeFile(join(filesystem.path, 'file'), 'of the other filesystem\n')
    const mount = await bindMount(filesystem.path, join(store.data, 'inside'))
    inside = {
      ...mount,
      async remove() {
        await mount.remove()
        await filesystem.remove()
      },
    }
  })

  afterEach(async () => {
    await inside?.remove()
    await store?.remove()
  })

  it('is in the snapshot as an empty directory', async () => {
    const name = await store.snapshot()
    const tree = walkTree(store.dataIn(name))
    expect([...tree.keys()].toSorted()).to.deep.equal(['.', 'hello.txt', 'inside'])
  })

  it('is left alone by a restore, which says so', async () => {
    await store.snapshot()
    const before = walkTree(join(store.data, 'inside'))
    await writeFile(join(store.data, 'hello.txt'), 'other\n')
    const { exitCode, stderr } = await store.run(['restore', 'latest', '--yes'])
    expect(stderr).to.match(/^warning: data: \S+inside is mounted inside .*left as it is/m)
    expect(compareTrees(before, walkTree(join(store.data, 'inside')))).to.deep.equal([])
    expect(exitCode).to.equal(0)
  })
})

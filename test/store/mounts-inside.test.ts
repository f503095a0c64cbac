import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Mounted, bindMount, mountTmpfs } from '../support/mounts.ts'
import { lastDocumentOf } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('A directory of the same filesystem mounted inside the data', () => {
  let store: TestStore
  let uploads: string
  let mounted: Mounted

  beforeEach(async () => {
    store = await makeStore()
    uploads = `${store.data}.uploads`
    await mkdir(uploads)
    await mkdir(join(store.data, 'in'))
    await shellIn(uploads, 'echo photo > photo; ln photo ../second-name; echo a > a; ln a b')
  })

  afterEach(async () => {
    await mounted.remove()
    await store.remove()
  })

  for (const engine of ['link', 'rsync']) {
    const restore = async () =>
      store.run(['restore', 'latest', '--yes'], { env: { ...store.env, SNAP_ENGINE: engine } })

    it(`is left as it is by a restore, names of linked files too (${engine})`, async () => {
      mounted = await bindMount(uploads, join(store.data, 'in'))
      await shellIn(store.data, 'echo one > file; ln file file2')
      await store.snapshot()
      await shellIn(store.data, 'echo two > file; echo later > in/later; rm in/b')
      const before = walkTree(uploads)
      const { exitCode, stderr } = await restore()
      expect(exitCode, stderr).to.equal(0)
      expect(stderr).to.include('is left as it is')
      expect(compareTrees(before, walkTree(uploads))).to.deep.equal([])
    })

    it(`is left as it is where the snapshot does not have the directory (${engine})`, async () => {
      await shellIn(store.data, 'rmdir in; echo one > file')
      await store.snapshot()
      await shellIn(store.data, 'mkdir -p in/deep; echo two > file')
      mounted = await bindMount(uploads, join(store.data, 'in/deep'))
      const before = walkTree(uploads)
      await restore()
      expect(compareTrees(before, walkTree(uploads))).to.deep.equal([])
    })
  }

  for (const engine of ['link', 'rsync']) {
    it(`has its files in a snapshot where it is mounted, and where it is (${engine})`, async () => {
      await shellIn(store.data, 'mkdir own; echo own > own/file; echo other > own/other')
      mounted = await bindMount(join(store.data, 'own'), join(store.data, 'in'))
      for (const content of ['first', 'second']) {
        await writeFile(join(store.data, 'own/file'), content)
        const { exitCode, stderr } = await store.run(['snapshot'], {
          env: { ...store.env, SNAP_ENGINE: engine },
        })
        expect(exitCode, stderr).to.equal(0)
        const name = store.snapshotNames().at(-1) ?? ''
        const lines = compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))
        expect(lines.filter((line) => !/ names (is|are) /.test(line))).to.deep.equal([])
      }
    })
  }

  it('keeps a directory that is in the place of a name of a file, and the restore says so', async () => {
    await shellIn(store.data, 'echo one > file; ln file other')
    await store.snapshot()
    await shellIn(store.data, 'rm other; mkdir -p other/deep')
    mounted = await bindMount(uploads, join(store.data, 'other/deep'))
    const before = walkTree(uploads)
    const { exitCode, stderr } = await store.run(['restore', 'latest', '--yes'])
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/other cannot be replaced: .* unmount it/)
    expect(compareTrees(before, walkTree(uploads))).to.deep.equal([])
  })

  it('is refused when its name is no UTF-8, because rsync could not be told to leave it', async () => {
    await store.snapshot()
    await shellIn(store.data, `mkdir "$(printf 'odd\\377')"; mount --bind ${uploads} odd*`)
    mounted = {
      path: '',
      remount: () => Promise.resolve(),
      remove: () => shellIn(store.data, 'umount odd*').then(() => undefined),
    }
    const finished = await store.run(['restore', 'latest', '--yes'])
    expectRefusal(finished, 1, /no UTF-8: unmount it/)
    expect(walkTree(uploads).size).to.be.greaterThan(3)
  })
})

describe('What is mounted inside the data when they are started', () => {
  let store: TestStore
  const mounts: Mounted[] = []

  before(async () => {
    store = await makeStore()
    await shellIn(store.data, 'mkdir this-one other-one; touch other-file')
    const same = `${store.data}.same`
    await mkdir(same)
    const other = await mountTmpfs('size=1m')
    await shellIn(other.path, 'mkdir inner; echo x > file')
    mounts.push(
      other,
      await bindMount(same, join(store.data, 'this-one')),
      await bindMount(other.path, join(store.data, 'other-one')),
      await bindMount(join(other.path, 'inner'), join(store.data, 'other-one/inner')),
      await bindMount(join(other.path, 'file'), join(store.data, 'other-file')),
    )
  })

  after(async () => {
    for (const mount of mounts.splice(0).toReversed()) await mount.remove()
    await store.remove()
  })

  const leftOut = (): string =>
    `snapshots of ${store.data} leave out what is mounted inside it: ${store.data}/other-one`

  it('is named where snapshots leave it out, by start', async () => {
    const daemon = await store.startDaemon()
    await daemon.stop()
    expect(daemon.output()).to.include(`warn  data: ${leftOut()};`)
  })

  it('is named by doctor too', async () => {
    const document = lastDocumentOf(await store.run(['doctor', '--json']))
    const messages = (document['findings'] as { message: string }[]).map(({ message }) => message)
    expect(messages).to.include(leftOut())
  })

  it('is what the snapshot does not have, and all else it has', async () => {
    await writeFile(join(`${store.data}.same`, 'photo'), 'x')
    const name = await store.snapshot()
    expect(await shellIn(store.dataIn(name), 'find . | sort')).to.equal(
      ['.', './hello.txt', './other-file', './other-one', './this-one', './this-one/photo'].join(
        '\n',
      ),
    )
  })
})

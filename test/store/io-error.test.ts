import { readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { SnapshotRecord } from '../../src/store/record.ts'
import { type Finished, lastDocumentOf } from '../support/cli.ts'
import { skipBecause } from '../support/skip.ts'
import { hasChangeTimes } from '../../src/system/mounted-filesystem.ts'
import { injecting, whyNoStrace } from '../support/strace.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { type Tree, compareTrees } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

describe('A file that is gone when it is looked at', () => {
  let store: TestStore

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
  })

  beforeEach(async () => {
    store = await makeStore({ env: { SNAP_ENGINE: 'link' } })
  })

  afterEach(() => store?.remove())

  it('is named, and all others are in the snapshot', async () => {
    const file = join(store.data, 'gone.txt')
    await writeFile(file, '')
    const through = injecting('statx,lstat,newfstatat:error=ENOENT', file)
    const finished = await store.run(['snapshot', '--json'], { through })
    expect(finished.exitCode).to.equal(3)
    const { snapshot } = lastDocumentOf(finished) as { snapshot: SnapshotRecord }
    expect(snapshot.warnings.map(({ code, paths }) => [code, paths])).to.deep.equal([
      ['vanished', ['gone.txt']],
    ])
    expect(readdirSync(store.dataIn(snapshot.name))).to.deep.equal(['hello.txt'])
  })
})

describe('An input/output error', () => {
  let store: TestStore
  let published: Tree

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
  })

  beforeEach(async () => {
    store = await makeStore()
    await untilAllIsOld(store.data)
    await store.snapshot()
    published = store.published()
  })

  afterEach(() => store?.remove())

  const snapshotWith = (injection: string, path?: string): Promise<Finished> =>
    store.run(['snapshot'], { through: injecting(injection, path) })

  function expectNothingPublished({ exitCode, stderr }: Finished): void {
    expect(compareTrees(published, store.published())).to.deep.equal([])
    expect(stderr.split('\n').filter((line) => line.startsWith('snap-volume: '))).to.have.length(1)
    expect(exitCode).to.equal(1)
  }

  it('when a file is read is told of, and nothing is published', async () => {
    const file = join(store.data, 'unread.txt')
    await writeFile(file, 'cannot be read\n')
    const finished = await snapshotWith('read,copy_file_range:error=EIO', file)
    expectNothingPublished(finished)
    expect(finished.stderr).to.match(/unread\.txt.*Input\/output error/)
  })

  it('when a directory is read is told of, and nothing is published', async () => {
    const directory = join(store.data, 'unread')
    await mkdir(directory)
    const finished = await snapshotWith('getdents64:error=EIO', directory)
    expectNothingPublished(finished)
    expect(finished.stderr).to.include(`${directory} cannot be read: EIO: i/o error; look at`)
  })

  it('when an entry is looked at is told of, and nothing is published', async () => {
    const file = join(store.data, 'unread.txt')
    await writeFile(file, '')
    const finished = await snapshotWith('statx,lstat,newfstatat:error=EIO', file)
    expectNothingPublished(finished)
    expect(finished.stderr).to.include(`${file} cannot be read: EIO: i/o error; look at`)
  })

  it('when an unchanged file is linked is told of, and nothing is published', async function () {
    if (!hasChangeTimes(store.data)) skipBecause(this, 'here no file is provably unchanged')
    const finished = await snapshotWith('link:error=EIO')
    expectNothingPublished(finished)
    expect(finished.stderr).to.include(`the store ${store.directory} cannot be used: EIO`)
  })

  it('when the data are written to the disk is told of, and nothing is published', async () => {
    const finished = await snapshotWith('syncfs:error=EIO')
    expectNothingPublished(finished)
    expect(finished.stderr).to.match(/could not be written to the disk/)
  })

  it('when the record is written to the disk is told of, and nothing is published', async () => {
    const finished = await snapshotWith('fsync:error=EIO:when=1')
    expectNothingPublished(finished)
    expect(finished.stderr).to.match(/EIO/)
  })

  it('when the directory of the snapshot is written is told of, and nothing is published', async () => {
    expectNothingPublished(await snapshotWith('fsync:error=EIO:when=2'))
  })

  it('when the rename itself is written takes the snapshot back', async () => {
    expectNothingPublished(await snapshotWith('fsync:error=EIO:when=3'))
  })

  it('that came once does not stop the next snapshot', async () => {
    await snapshotWith('syncfs:error=EIO')
    expect(await store.snapshot()).to.match(/^@GMT-/)
  })
})

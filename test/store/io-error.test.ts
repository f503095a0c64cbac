import { readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { SnapshotRecord } from '../../src/store/record.ts'
import { type Finished, lastDocumentOf } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { howOften, sample } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { hasChangeTimes } from '../../src/system/mounted-filesystem.ts'
import { injecting, whyNoStrace } from '../support/strace.ts'
import { useStore } from '../support/test-store.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

describe('A file that is gone when it is looked at', () => {
  const store = useStore({ env: { SNAP_ENGINE: 'link' } })

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
  })

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
  const store = useStore()
  let published: Tree

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
  })

  beforeEach(async () => {
    await untilAllIsOld(store.data)
    await store.snapshot()
    published = store.published()
  })

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

describe('With SNAP_ON_UNREADABLE=flag, what cannot be read', () => {
  const store = useStore({ env: { SNAP_ON_UNREADABLE: 'flag' } })

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
  })

  /** What is read of `place` meanwhile, and what is not in the snapshot then. */
  const cases: [what: string, place: string, injection: string, left: string][] = [
    ['a file', 'd/file', 'read,copy_file_range:error=EIO', 'd/file'],
    ['a stale file', 'd/file', 'read,copy_file_range:error=ESTALE', 'd/file'],
    ['a file that cannot be looked at', 'd/file', 'statx,lstat,newfstatat:error=EIO', 'd/file'],
    ['a directory', 'd', 'getdents64:error=EIO', 'd'],
    ['a stale directory', 'd/e', 'getdents64:error=ESTALE', 'd/e'],
  ]
  const all = cases.flatMap((one) => [false, true].map((isPrelinked) => ({ one, isPrelinked })))
  for (const { one, isPrelinked } of sample(all, howOften(all.length, 3), 'unreadable')) {
    const [what, place, injection, left] = one
    const begun = isPrelinked ? ', also with links made in advance' : ''
    it(`is left out and named: ${what}${begun}`, async () => {
      await shellIn(store.data, 'mkdir -p d/e; touch .old d/kept d/e/deep; echo now > d/file')
      if (isPrelinked) {
        await store.snapshot()
        await store.prelink()
        await shellIn(store.data, 'echo later > d/file; touch d/e/new')
      }
      const before = walkTree(store.data)
      const through = injecting(injection, join(store.data, place))
      const finished = await store.run(['snapshot', '--json'], { through })
      expect(finished.exitCode, finished.stderr).to.equal(3)
      const { snapshot } = lastDocumentOf(finished) as { snapshot: SnapshotRecord }
      expect(snapshot.warnings.map(({ code }) => code)).to.deep.equal(['unreadable'])
      expect(snapshot.volumes[0]?.unreadable).to.deep.equal([left])
      const tree = walkTree(store.dataIn(snapshot.name))
      const expected = [...before].filter(([path]) => path !== left && !path.startsWith(`${left}/`))
      expect(compareTrees(new Map(expected), tree)).to.deep.equal([])
      const files = [...tree.values()].filter(({ type }) => type === 'file').length
      expect(snapshot.volumes[0]?.contents?.files).to.equal(files)

      // it can be read again, and is not what the snapshot has too little
      await shellIn(store.data, 'rm .old; touch new')
      const restored = await store.run(['restore', snapshot.name, '--yes'])
      expect(restored.exitCode, restored.stderr).to.equal(3)
      expect(restored.stderr).to.match(/could not be read when this snapshot/)
      expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
    })
  }

  it('is left out and named: a file that nobody may open', async () => {
    await shellIn(store.data, 'mkdir d; echo closed > d/closed-file')
    // cp(1) opens it by its path from the root on, rsync(1) from its directory
    const [first = '', ...words] = injecting('openat,openat2:error=EACCES', 'd/closed-file')
    const through = [first, '--trace-path=closed-file', ...words]
    const finished = await store.run(['snapshot', '--json'], { through })
    expect(finished.exitCode, finished.stderr).to.equal(3)
    const { snapshot } = lastDocumentOf(finished) as { snapshot: SnapshotRecord }
    expect(snapshot.volumes[0]?.unreadable).to.deep.equal(['d/closed-file'])
  })

  it('has its old copy where it is proven to be unchanged', async function () {
    if (!hasChangeTimes(store.data)) skipBecause(this, 'here no file is provably unchanged')
    await untilAllIsOld(store.data)
    await store.snapshot()
    const through = injecting('read,copy_file_range:error=EIO', join(store.data, 'hello.txt'))
    expect((await store.run(['snapshot'], { through })).exitCode).to.equal(0)
  })

  it('is left out where its path is longer than programs take', async () => {
    const name = 'x'.repeat(200)
    await shellIn(
      store.data,
      `for i in $(seq 25); do mkdir ${name}; cd ${name}; done; echo deep > deep`,
    )
    const finished = await store.run(['snapshot', '--json'])
    const { snapshot } = lastDocumentOf(finished) as { snapshot: SnapshotRecord }
    expect(finished.exitCode).to.equal(3)
    expect(snapshot.volumes[0]?.unreadable).to.have.length(1)
    expect((await store.run(['restore', snapshot.name, '--yes'])).exitCode).to.equal(3)
    const found = await shellIn(store.data, 'find . -name deep')
    expect(found.trim().split('/')).to.have.length(27)
  })

  it('is the end of a snapshot where it is the volume itself', async () => {
    const through = injecting('getdents64:error=EIO', store.data)
    const { exitCode, stderr } = await store.run(['snapshot'], { through })
    expect(exitCode, stderr).to.equal(1)
  })

  it('stays as it is in a restore, which makes all else what an older snapshot has', async () => {
    const older = await store.snapshot()
    await shellIn(store.data, 'echo changed > hello.txt; touch new')
    const through = injecting('read,copy_file_range:error=EIO', join(store.data, 'hello.txt'))
    const restored = await store.run(['restore', older, '--yes'], { through })
    expect(restored.exitCode, restored.stderr).to.equal(3)
    expect(readdirSync(store.data)).to.deep.equal(['hello.txt'])
    expect(await shellIn(store.data, 'cat hello.txt')).to.equal('changed')
  })

  it('is refused with engine rsync, which does not tell what it left out', async () => {
    const finished = await store.run(['start', store.spec], { env: { SNAP_ENGINE: 'rsync' } })
    expectRefusal(finished, 2, /SNAP_ON_UNREADABLE is flag, and engine rsync/)
  })
})

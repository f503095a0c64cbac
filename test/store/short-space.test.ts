import { statfsSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { restore } from '../../src/actions/restore/restore.ts'
import { OperationError } from '../../src/errors.ts'
import { readInterruptedRestore } from '../../src/store/restore-journal.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'

const megabyte = 1_000_000

describe('With little space on the filesystem of the data, a restore', function () {
  this.timeout(120_000)

  let storeFilesystem: LoopFilesystem
  let dataFilesystem: LoopFilesystem
  let store: InProcessStore

  before(async function () {
    storeFilesystem = await loopOrSkip(this, 'ext4', { sizeMiB: 1000 })
    dataFilesystem = await loopOrSkip(this, 'ext4', { sizeMiB: 160 })
    // so that what is free is free for everybody
    const { path } = dataFilesystem
    await shellIn(path, `tune2fs -r 0 "$(findmnt -n -o SOURCE ${path})"`)
  })

  after(async () => {
    await dataFilesystem?.remove()
    await storeFilesystem?.remove()
  })

  beforeEach(() => {
    store = makeInProcessStore('link', 3, storeFilesystem.path, dataFilesystem.path)
  })

  afterEach(async () => {
    await store.remove()
    await rm(filler(), { force: true })
  })

  const filler = (): string => join(dataFilesystem.path, 'filler')

  /** Of a word again and again, so that it takes its whole size on the disk. */
  function write(name: string, word: string, megabytes: number): void {
    writeFileSync(join(store.data, name), Buffer.alloc(megabytes * megabyte, word))
  }

  /** Fills the filesystem with a file that is not in the volume. */
  async function leaveFree(megabytes: number): Promise<void> {
    await shellIn(dataFilesystem.path, 'sync -f .')
    const { bavail, bsize } = statfsSync(dataFilesystem.path)
    await shellIn(dirname(filler()), `fallocate -l ${bavail * bsize - megabytes * megabyte} filler`)
  }

  const restoreTo = async (reference: string) =>
    restore(store.context, { undo: false, reference, volumes: [], readAll: false })

  const differencesFrom = (name: string): string[] =>
    compareTrees(walkTree(store.dataIn(name)), walkTree(store.data))

  it('replaces a file that is larger than what is free', async () => {
    write('large', 'one', 60)
    const { name } = await store.snapshot()
    write('large', 'two', 60)
    await leaveFree(50)
    await restoreTo(name)
    expect(differencesFrom(name)).to.deep.equal([])
  })

  it('makes a file grow by less than what is free', async () => {
    write('large', 'one', 60)
    const { name } = await store.snapshot()
    write('large', 'two', 20)
    await leaveFree(50)
    await restoreTo(name)
    expect(differencesFrom(name)).to.deep.equal([])
  })

  it('exchanges the contents of two files that are larger than what is free', async () => {
    write('first', 'one', 40)
    write('second', 'two', 45)
    const { name } = await store.snapshot()
    await shellIn(store.data, 'mv first third; mv second first; mv third second')
    await leaveFree(10)
    await restoreTo(name)
    expect(differencesFrom(name)).to.deep.equal([])
  })

  it('uses the space of what it deletes', async () => {
    write('large', 'one', 60)
    const { name } = await store.snapshot()
    await rm(join(store.data, 'large'))
    write('other', 'two', 60)
    await leaveFree(5)
    await restoreTo(name)
    expect(differencesFrom(name)).to.deep.equal([])
  })

  it('replaces many files that are larger together', async () => {
    const names = Array.from({ length: 200 }, (_, number) => `file-${number}`)
    for (const name of names) write(name, 'one', 0.3)
    const { name } = await store.snapshot()
    for (const name of names) write(name, 'two', 0.3)
    await leaveFree(5)
    await restoreTo(name)
    expect(differencesFrom(name)).to.deep.equal([])
  })

  describe('that cannot fit', () => {
    let snapshot: string

    beforeEach(async () => {
      write('large', 'one', 60)
      write('small', 'one', 1)
      write('unchanged', 'one', 20)
      snapshot = (await store.snapshot()).name
      await rm(join(store.data, 'large'))
      write('small', 'two', 1)
      write('other', 'two', 5)
      await leaveFree(20)
    })

    const messageOfRefusal = async (): Promise<string> =>
      restoreTo(snapshot).then(
        () => expect.fail('it was not refused'),
        (error: unknown) => {
          if (error instanceof OperationError) return error.message
          throw error
        },
      )

    it('is refused before it changes anything', async () => {
      const live = walkTree(store.data)
      await messageOfRefusal()
      expect(compareTrees(live, walkTree(store.data))).to.deep.equal([])
    })

    it('says how much is missing, and where', async () => {
      const message = await messageOfRefusal()
      expect(message).to.include(store.data)
      const megabytes = [...message.matchAll(/([\d.]+) MB/g)].map(([, amount]) => Number(amount))
      // 60 are wanted; 20 are free and 5 are deleted
      const missing = megabytes.filter((amount) => amount > 33 && amount < 38)
      expect(missing, message).to.have.length(1)
    })

    it('leaves nothing to be finished or undone', async () => {
      await messageOfRefusal()
      expect(readInterruptedRestore(store.context.store)).to.equal(undefined)
    })

    it('succeeds once there is room', async () => {
      await messageOfRefusal()
      await rm(filler())
      await restoreTo(snapshot)
      expect(differencesFrom(snapshot)).to.deep.equal([])
    })
  })
})

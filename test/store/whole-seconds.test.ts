import { chmodSync, lstatSync, mkdirSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { execa } from 'execa'
import type { ActionEvent } from '../../src/actions/events.ts'
import { takeSnapshot } from '../../src/actions/snapshot/take-snapshot.ts'
import { OperationError } from '../../src/errors.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { type OwnersProcess, ownerId, startAsOwner } from './support/hostile-owner.ts'
import { exchangesWhenOpened } from './support/hostile-programs.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { prelink } from './support/prelinked.ts'
import { exchangeCall, whyNoSwapper } from './support/swapper.ts'

/** Whichever comes first. */
const rounds = 20
const longestMs = 20_000

/** When a ctime of whole seconds is not young any more. */
const oldMs = 3200

const names = Array.from({ length: 40 }, (_, number) => String(number))
const deleted = 'd/deep/7'
const tree = 'mkdir -p d/deep; for f in $(seq 250); do echo $f > d/deep/$f; done; echo d > d/file'

describe('Where times are whole seconds', function () {
  this.timeout(120_000)

  let filesystem: LoopFilesystem
  let store: InProcessStore

  before(async function () {
    filesystem = await loopOrSkip(this, 'ext4', { inodeBytes: 128 })
    chmodSync(dirname(filesystem.path), 0o755)
  })

  after(() => filesystem?.remove())

  afterEach(() => store.remove())

  function makeStore(maxSnapshots: number): void {
    store = makeInProcessStore('link', maxSnapshots, filesystem.path)
    chmodSync(dirname(store.data), 0o755)
  }

  describe('a directory that its owner exchanges for a symlink', () => {
    let owner: OwnersProcess

    before(function () {
      const reason = whyNoSwapper()
      if (reason !== undefined) skipBecause(this, reason)
    })

    afterEach(() => owner.stop())

    for (const [where, path] of [
      ['outside of the volume', '../secret'],
      ['elsewhere in the volume', 'secret'],
    ] as const) {
      it(`brings no file of a closed directory ${where} into a snapshot`, async () => {
        makeStore(5)
        const secret = join(store.data, path)
        mkdirSync(secret, { mode: 0o700 })
        mkdirSync(join(store.data, 'his'))
        for (const name of names) {
          writeFileSync(join(secret, name), 'SECRET')
          writeFileSync(join(store.data, 'his', name), 'his')
        }
        // the link stays root's: rsync follows no link of another user
        await shellIn(store.data, `ln -s ${secret} link; chown ${ownerId} . his his/*`)
        owner = await startAsOwner(store.data, exchangesWhenOpened, [exchangeCall, 'his', 'link'])
        const endsMs = Date.now() + longestMs
        for (let round = 0; round < rounds && Date.now() < endsMs; round += 1) {
          touchHis()
          const name = await takenOrRefused()
          if (name !== undefined) await expectNoSecret(store.dataIn(name))
        }
      })
    }
  })

  /** So that they are copied again; opens none of them. */
  function touchHis(): void {
    for (const name of names) utimesSync(join(store.data, 'his', name), 0, 0)
  }

  async function takenOrRefused(): Promise<string | undefined> {
    try {
      return (await store.snapshot()).name
    } catch (error) {
      if (error instanceof OperationError) return undefined
      throw error
    }
  }

  describe('a file that is deleted from the newest snapshot at once', () => {
    it('is in the next ones', async () => {
      makeStore(100)
      await makeOldData()
      for (let round = 0; round < 3; round += 1) {
        await snapshotAndDelete()
        await expectRightSnapshot()
      }
    })

    it('is in the next ones that were linked in advance', async () => {
      makeStore(100)
      await makeOldData()
      const endsMs = Date.now() + longestMs
      for (let round = 0; round < rounds && Date.now() < endsMs; round += 1) {
        await snapshotAndDelete()
        await prelink(store.context)
        await expectRightSnapshot()
      }
    })

    it('is in the next ones, also when that snapshot is removed', async () => {
      makeStore(2)
      await makeOldData()
      for (let round = 0; round < 3; round += 1) {
        await snapshotAndDelete()
        for (let later = 0; later < 3; later += 1) await expectRightSnapshot()
      }
    })
  })

  async function makeOldData(): Promise<void> {
    await shellIn(store.data, tree)
    const { ctimeMs } = lstatSync(join(store.data, 'd/file'))
    while (Date.now() < ctimeMs + oldMs) await sleep(20)
  }

  /**
   * In the second in which the snapshot was finished, if that can be: then no ctime tells of it.
   */
  async function snapshotAndDelete(): Promise<void> {
    const emit = (event: ActionEvent): void => {
      if (event.type === 'published') unlinkSync(join(store.dataIn(event.name), deleted))
    }
    await takeSnapshot({ ...store.context, emit }, { kind: 'manual' })
  }

  async function expectRightSnapshot(): Promise<void> {
    const { name } = await store.snapshot()
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
  }
})

async function expectNoSecret(directory: string): Promise<void> {
  const words = ['-rl', '--exclude-dir=secret', 'SECRET', directory]
  const { stdout } = await execa('grep', words, { reject: false })
  expect(stdout, 'in the snapshot').to.equal('')
}

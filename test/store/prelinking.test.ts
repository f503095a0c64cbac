import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { findModel, prelinkSnapshot } from '../../src/actions/store/prelink.ts'
import { prune } from '../../src/actions/store/prune.ts'
import { BusyError, InterruptedError, SourceError } from '../../src/errors.ts'
import type { Snapshot } from '../../src/store/catalog.ts'
import { lockPrelinked } from '../../src/store/prelinked.ts'
import { shellIn } from '../support/shell.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { prelink } from './support/prelinked.ts'

const tree = `
mkdir -p d/many/deep still/deep
(cd d/many/deep; seq 250 | xargs touch); (cd still/deep; seq 250 | xargs touch; ln -s nowhere link; mkfifo pipe)
echo one > d/one; chmod 2751 d/many; setfacl -m d:u:1234:rwx still; setfattr -n user.colour -v red d
find . -exec touch -h -d '2020-01-01T00:00:00.000000001Z' {} +`

function inodeIn(root: string, path: string): number {
  return lstatSync(join(root, path)).ino
}

describe('A prelinked tree', () => {
  let store: InProcessStore

  beforeEach(async () => {
    store = makeInProcessStore('link', 100)
    await shellIn(store.data, tree)
    await untilAllIsOld(store.data)
  })

  afterEach(() => store.remove())

  const model = (): Snapshot =>
    findModel(store.context.store, store.context.clock.now()) ??
    expect.fail('there is nothing to link')
  const prelinked = (): string => store.prelinkedOf('data') ?? expect.fail('nothing is prelinked')
  const isAnyLeft = (): boolean => readdirSync(store.context.store.prelinked).length > 0

  async function snapshotAndPrelink(): Promise<string> {
    const { name } = await store.snapshot()
    await prelink(store.context)
    return name
  }

  /** Takes one, and compares it, and that before it with what that was. */
  async function expectRightSnapshot(): Promise<string> {
    const before = store.snapshotNames().at(-1) ?? ''
    const was = walkTree(store.dataIn(before))
    const { name } = await store.snapshot()
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
    expect(compareTrees(was, walkTree(store.dataIn(before))), before).to.deep.equal([])
    expect(isAnyLeft()).to.equal(false)
    return name
  }

  it('is made while others write, which it does not keep from it', async () => {
    await store.snapshot()
    const found = model()
    const lock = await lockPrelinked(store.context.store)
    await expectRightSnapshot()
    lock.release()
    expect(found.name).to.not.equal(model().name)
  })

  it('is made by one at a time', async () => {
    await store.snapshot()
    const lock = await lockPrelinked(store.context.store)
    const error = await prelink(store.context).catch((thrown: unknown) => thrown)
    lock.release()
    expect(error).to.be.instanceOf(BusyError)
    expect(store.prelinkedOf('data')).to.equal(undefined)
  })

  it('is of use half-made, after it was interrupted', async () => {
    await store.snapshot()
    const interruption = new AbortController()
    const found = model()
    const ended = prelinkSnapshot({ ...store.context, signal: interruption.signal }, found).catch(
      (thrown: unknown) => thrown,
    )
    const isBegun = (): boolean => {
      const made = store.prelinkedOf('data')
      return made !== undefined && readdirSync(made).length > 0
    }
    while (!isBegun()) await nextTurn()
    interruption.abort()
    expect(await ended).to.be.instanceOf(InterruptedError)
    const inode = inodeIn(prelinked(), '.')
    await shellIn(store.data, 'echo changed > still/deep/8')
    expect(inodeIn(store.dataIn(await expectRightSnapshot()), '.')).to.equal(inode)
  })

  it('takes the place of what is left of older ones', async () => {
    await store.snapshot()
    await shellIn(store.context.store.prelinked, 'mkdir -p GMT-2020.01.01-00.00.00/data/half')
    await prelink(store.context)
    expect(readdirSync(store.context.store.prelinked)).to.have.length(1)
    await expectRightSnapshot()
  })

  const changes: Record<string, string> = {
    'lost a file': 'rm still/deep/5',
    'got a file': 'touch d/more',
    'has a directory more': 'mkdir d/many/more',
    'has a directory under another name': 'mv d/many d/other',
    'has a link in the place of a directory': 'mv still ../moved; ln -s ../moved still',
    'has another mode of a directory': 'chmod 777 d/many',
    'has another attribute of a directory': 'setfattr -n user.colour -v blue d',
    'lost all': 'find . -mindepth 1 -delete',
  }

  for (const [what, script] of Object.entries(changes)) {
    // one that lost all is damaged, and no model
    for (const when of what === 'lost all' ? ['after'] : ['before', 'after']) {
      it(`has nothing in the next snapshot of what became of its model that ${what} ${when} it was made`, async () => {
        const { name } = await store.snapshot()
        if (when === 'after') await prelink(store.context)
        await shellIn(store.dataIn(name), script)
        if (when === 'before') await prelink(store.context)
        await expectRightSnapshot()
      })
    }
  }

  it('is not made of one that lost all', async () => {
    const { name } = await store.snapshot()
    await shellIn(store.dataIn(name), 'find . -mindepth 1 -delete')
    expect(findModel(store.context.store, store.context.clock.now())).to.equal(undefined)
    await expectRightSnapshot()
  })

  it('is made once of a snapshot', async () => {
    await snapshotAndPrelink()
    expect(findModel(store.context.store, store.context.clock.now())).to.equal(undefined)
  })

  it('is made where retention removes snapshots, too', async () => {
    store.context.config.maxSnapshots = 2
    for (let count = 0; count < 4; count += 1) {
      await snapshotAndPrelink()
      await expectRightSnapshot()
    }
    expect(store.snapshotNames()).to.have.length(2)
  })

  it('is not made of snapshots of other engines', async () => {
    store.context.config.engine = 'rsync'
    await store.snapshot()
    expect(findModel(store.context.store, store.context.clock.now())).to.equal(undefined)
  })

  it('is not made of a snapshot without an index', async () => {
    const { name } = await store.snapshot()
    rmSync(join(store.dataIn(name), '../.snapshot.index.data'))
    expect(findModel(store.context.store, store.context.clock.now())).to.equal(undefined)
  })

  it('goes when a prune wants its space', async () => {
    await snapshotAndPrelink()
    await prune(store.context, { yes: true })
    expect([isAnyLeft(), readdirSync(store.context.store.trash)]).to.deep.equal([false, []])
  })

  it('goes with a snapshot that fails', async () => {
    await snapshotAndPrelink()
    await shellIn(store.data, 'find . -mindepth 1 -delete')
    const error = await store.snapshot().catch((thrown: unknown) => thrown)
    expect(error).to.be.instanceOf(SourceError)
    expect([isAnyLeft(), readdirSync(store.context.store.trash)]).to.deep.equal([false, []])
  })

  it('has each of several volumes, and they are right', async () => {
    const mail = `${store.data}.mail`
    mkdirSync(mail)
    await shellIn(mail, tree)
    store.context.config.volumes.push({ id: 'mail', path: mail })
    await untilAllIsOld(mail)
    await snapshotAndPrelink()
    const inodes = ['data', 'mail'].map((id) => inodeIn(store.prelinkedOf(id) ?? '', 'still'))
    await shellIn(mail, 'echo changed > still/deep/8')
    const name = await expectRightSnapshot()
    const taken = ['data', 'mail'].map((id) => join(store.dataIn(name), '..', id))
    expect(taken.map((root) => inodeIn(root, 'still'))).to.deep.equal(inodes)
    expect(compareTrees(walkTree(mail), walkTree(taken[1] ?? ''))).to.deep.equal([])
  })

  it('has no volume whose index is gone, and the next snapshot is right', async () => {
    const mail = `${store.data}.mail`
    mkdirSync(mail)
    await shellIn(mail, tree)
    store.context.config.volumes.push({ id: 'mail', path: mail })
    const { name } = await store.snapshot()
    rmSync(join(store.dataIn(name), '../.snapshot.index.mail'))
    await prelink(store.context)
    expect(existsSync(prelinked())).to.equal(true)
    expect(store.prelinkedOf('mail')).to.equal(undefined)
    await expectRightSnapshot()
  })
})

import { existsSync, lstatSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { findSpareModel, prepareSpare } from '../../src/actions/prepare-spare.ts'
import { storeLayout } from '../../src/store/layout.ts'
import type { Snapshot } from '../../src/store/catalog.ts'
import { InterruptedError, OperationError } from '../../src/errors.ts'
import { changeAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import type { Daemon } from '../support/cli.ts'
import { mountTmpfs } from '../support/mounts.ts'
import { places, type MountedPlace, mountPlace } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore, onlyPrepares } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

/** Subtrees with so many entries that it pays to move them. */
const tree = `
mkdir -p d/many/deep still/deep
(cd d/many/deep; seq 250 | xargs touch); (cd still/deep; seq 250 | xargs touch; ln -s nowhere link; mkfifo pipe)
echo one > d/one; chmod 2751 d/many; setfacl -m d:u:1234:rwx still; setfattr -n user.colour -v red d
find . -exec touch -h -d '2020-01-01T00:00:00.000000001Z' {} +`

describe('A copy of the newest snapshot, made in advance,', () => {
  let store: InProcessStore

  beforeEach(async () => {
    store = makeInProcessStore('link', 100)
    await shellIn(store.data, tree)
    await untilAllIsOld(store.data)
  })

  afterEach(() => store.remove())

  const model = (): Snapshot =>
    findSpareModel(store.context.store) ?? expect.fail('there is nothing to make a spare of')
  const prepare = async (): Promise<boolean> => prepareSpare(store.context, model())
  const unfinished = (): string[] => readdirSync(store.context.store.unfinishedSpare)
  const spare = (): string => store.spareOf('data') ?? expect.fail('there is no spare')

  async function expectRightSnapshot(): Promise<string> {
    const { name } = await store.snapshot()
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
    return name
  }

  it('is that tree, by links, with directories of its own', async () => {
    await growAwkwardTree(store.data)
    const { name } = await store.snapshot()
    expect(await prepare()).to.equal(true)
    expect(compareTrees(walkTree(store.dataIn(name)), walkTree(spare()))).to.deep.equal([])
    const file = 'still/deep/5'
    expect(inodeIn(spare(), file)).to.equal(inodeIn(store.dataIn(name), file))
    expect(inodeIn(spare(), 'still')).to.not.equal(inodeIn(store.dataIn(name), 'still'))
    expect(unfinished()).to.deep.equal([])
  })

  it('is the next one, where nothing changed', async () => {
    await store.snapshot()
    for (let count = 0; count < 3; count += 1) {
      await prepare()
      const inode = lstatSync(spare()).ino
      expect(inodeIn(store.dataIn(await expectRightSnapshot()), '.')).to.equal(inode)
    }
  })

  it('is the next one, in which what changed is exchanged', async () => {
    const { name: before } = await store.snapshot()
    const tree = walkTree(store.dataIn(before))
    await prepare()
    const directories = ['.', 'still', 'still/deep', 'd/many', 'd/many/deep']
    const inodes = directories.map((path) => inodeIn(spare(), path))
    await shellIn(
      store.data,
      'echo changed > still/deep/5; rm still/deep/6; touch d/many/new; chmod 750 d/many/deep',
    )
    const name = await expectRightSnapshot()
    expect(directories.map((path) => inodeIn(store.dataIn(name), path))).to.deep.equal(inodes)
    const file = 'still/deep/7'
    expect(inodeIn(store.dataIn(name), file)).to.equal(inodeIn(store.dataIn(before), file))
    expect(compareTrees(tree, walkTree(store.dataIn(before)))).to.deep.equal([])
  })

  it('is the next one, whatever became another kind of entry meanwhile', async () => {
    await store.snapshot()
    await prepare()
    await shellIn(
      store.data,
      `rm -r d/many; echo x > d/many; rm d/one; mkdir -p d/one/deep; mv still x; ln -s x still
       rm x/deep/7; ln x/deep/8 x/deep/7; mkfifo x/deep/new; mkdir x/many; mv x/deep x/many`,
    )
    const inode = inodeIn(spare(), '.')
    const name = await expectRightSnapshot()
    expect(inodeIn(store.dataIn(name), '.')).to.equal(inode)
  })

  const oddities: Record<string, string> = {
    'has a file less': 'rm still/deep/5',
    'has another file': 'rm d/one; echo two > d/one',
    'has a file more': 'touch d/many/more',
    'has another mode of a directory': 'chmod 777 d/many',
    'has two directories exchanged': 'mv still x; mv d/many still; mv x d/many',
    'has a link in the place of a directory': 'mv still ../moved; ln -s ../moved still',
    'has lost all': 'find . -mindepth 1 -delete',
  }

  for (const [what, script] of Object.entries(oddities)) {
    it(`is not the next one where it ${what}, and that is right`, async () => {
      await store.snapshot()
      await prepare()
      const inode = inodeIn(spare(), '.')
      await shellIn(spare(), script)
      await shellIn(store.data, 'echo changed > still/deep/8')
      expect(inodeIn(store.dataIn(await expectRightSnapshot()), '.')).to.not.equal(inode)
    })
  }

  it('is not the next one where it is of an older one, and that is right', async () => {
    await store.snapshot()
    await prepare()
    const aside = join(store.context.store.unfinishedSpare, 'aside')
    const kept = store.context.store.spare
    await shellIn('/', `mv ${kept}/* ${aside}`)
    await shellIn(store.data, 'echo changed > still/deep/8')
    await store.snapshot()
    await shellIn('/', `mv ${aside} ${kept}/older`)
    const inode = inodeIn(spare(), '.')
    await shellIn(store.data, 'rm d/one')
    expect(inodeIn(store.dataIn(await expectRightSnapshot()), '.')).to.not.equal(inode)
  })

  it('is not written to where it was a snapshot once', async () => {
    await store.snapshot()
    await prepare()
    const inode = inodeIn(spare(), 'still/deep')
    await shellIn(spare(), 'touch ../.snapshot.json')
    await shellIn(store.data, 'echo changed > still/deep/8')
    const deep = inodeIn(store.dataIn(await expectRightSnapshot()), 'still/deep')
    expect(deep).to.not.equal(inode)
  })

  it('changes no snapshot of an awkward tree that changes', async () => {
    await growAwkwardTree(store.data)
    for (let count = 0; count < 4; count += 1) {
      const { name } = await store.snapshot()
      const before = walkTree(store.dataIn(name))
      await prepare()
      if (count === 1) await changeAwkwardTree(store.data)
      await expectRightSnapshot()
      expect(compareTrees(before, walkTree(store.dataIn(name)))).to.deep.equal([])
    }
  })

  const changes: Record<string, string> = {
    'has lost a file': 'rm still/deep/5',
    'has a file more': 'touch d/more',
    'has a directory more': 'mkdir d/many/more',
    'has a directory under another name': 'mv d/many d/other',
    'has a link in the place of a directory': 'mv still ../moved; ln -s ../moved still',
    'has another mode of a directory': 'chmod 777 d/many',
    'has another attribute of a directory': 'setfattr -n user.colour -v blue d',
    'has lost all': 'find . -mindepth 1 -delete',
  }

  for (const [what, script] of Object.entries(changes)) {
    it(`is not made of one that ${what}, and the next is right`, async () => {
      const { name } = await store.snapshot()
      await shellIn(store.dataIn(name), script)
      const error = await prepare().catch((thrown: unknown) => thrown)
      expect(error).to.be.instanceOf(OperationError)
      expect([store.spareOf('data'), unfinished()]).to.deep.equal([undefined, []])
      await expectRightSnapshot()
    })
  }

  /** Does something once a part of the copy is there; gives what the preparation throws. */
  async function prepareAnd(act: () => void, signal?: AbortSignal): Promise<unknown> {
    const found = model()
    const isBegun = (): boolean =>
      unfinished().some((name) => {
        const target = join(store.context.store.unfinishedSpare, name, 'data')
        return existsSync(target) && readdirSync(target).length > 0
      })
    const ended = prepareSpare({ ...store.context, signal }, found).catch(
      (thrown: unknown) => thrown,
    )
    while (!isBegun()) await nextTurn()
    act()
    return ended
  }

  it('is not made of one that is changed and changed back while it is copied', async () => {
    const { name } = await store.snapshot()
    const still = join(store.dataIn(name), 'still')
    const error = await prepareAnd(() => {
      renameSync(still, `${still}.aside`)
      renameSync(`${still}.aside`, still)
    })
    expect(error).to.be.instanceOf(OperationError)
    expect([store.spareOf('data'), unfinished()]).to.deep.equal([undefined, []])
    await expectRightSnapshot()
  })

  it('is given up when it is interrupted', async () => {
    await store.snapshot()
    const interruption = new AbortController()
    const error = await prepareAnd(() => interruption.abort(), interruption.signal)
    expect(error).to.be.instanceOf(InterruptedError)
    expect(store.spareOf('data')).to.equal(undefined)
    expect(unfinished()).to.have.length(1)
    await prepare()
    expect(unfinished()).to.deep.equal([])
    expect(readdirSync(store.context.store.trash)).to.deep.equal([])
  })

  it('is of no use when there is a newer one', async () => {
    await store.snapshot()
    const older = model()
    await store.snapshot()
    expect(await prepareSpare(store.context, older)).to.equal(false)
    expect([store.spareOf('data'), unfinished()]).to.deep.equal([undefined, []])
    await prepare()
    await expectRightSnapshot()
  })

  it('is made once', async () => {
    await store.snapshot()
    await prepare()
    expect(findSpareModel(store.context.store)).to.equal(undefined)
  })

  it('is not made where retention leaves one', async () => {
    store.context.config.maxSnapshots = 2
    for (let count = 0; count < 3; count += 1) await store.snapshot()
    expect(findSpareModel(store.context.store)).to.equal(undefined)
  })

  it('is not made of snapshots that have no seal', async () => {
    store.context.config.engine = 'rsync'
    await store.snapshot()
    expect(findSpareModel(store.context.store)).to.equal(undefined)
  })

  it('is not made where data are held, because a copy in two passes takes nothing from it', async () => {
    store.context.hooks = {
      ...store.context.hooks,
      commands: { 'pre-snapshot': 'true' },
      timeoutMs: 9000,
    }
    await store.snapshot()
    expect(findSpareModel(store.context.store)).to.equal(undefined)
  })

  it('is not made where others need what room is left', async () => {
    const small = await mountTmpfs('size=20m')
    const tight = await makeStore({
      on: small.path,
      dataOn: '/var/tmp',
      env: { SNAP_ENGINE: 'link' },
    })
    try {
      await tight.snapshot()
      const layout = storeLayout(tight.directory)
      expect(findSpareModel(layout)).to.have.property('name', tight.snapshotNames()[0])
      await shellIn(small.path, 'head -c 19M /dev/zero > large')
      expect(findSpareModel(layout)).to.equal(undefined)
    } finally {
      await tight.remove()
      await small.remove()
    }
  })

  it('takes the place of what a process that was killed left', async () => {
    await store.snapshot()
    const { name } = model()
    await shellIn(store.context.store.unfinishedSpare, `mkdir -p ${name.slice(1)}/data/half`)
    expect(await prepare()).to.equal(true)
    expect(unfinished()).to.deep.equal([])
    await expectRightSnapshot()
  })

  it('is made of each volume, and only where it can be', async () => {
    const mail = `${store.data}.mail`
    await shellIn('/', `mkdir ${mail}`)
    await shellIn(mail, tree)
    store.context.config.volumes.push({ id: 'mail', path: mail })
    const { name } = await store.snapshot()
    await prepare()
    expect(store.spareOf('mail')).to.not.equal(undefined)
    await shellIn(
      store.context.store.directory,
      `rm ${name}/.snapshot.seal.mail; rm -r .snap-volume/spare/*`,
    )
    await prepare()
    expect([store.spareOf('mail'), typeof store.spareOf('data')]).to.deep.equal([
      undefined,
      'string',
    ])
    await expectRightSnapshot()
  })
})

for (const place of places) {
  describe(`With a daemon beside it, ${place.title},`, function () {
    this.timeout(60_000)

    let mounted: MountedPlace
    let store: TestStore
    let daemon: Daemon | undefined

    before(async function () {
      mounted = await mountPlace(this, place)
    })

    beforeEach(async () => {
      store = await makeStore({ ...mounted, env: { SNAP_ENGINE: 'link' } })
      await shellIn(store.data, tree)
      await untilAllIsOld(store.data)
    })

    afterEach(async () => {
      await daemon?.stop()
      await store?.remove()
    })

    after(async () => mounted?.remove())

    it('a snapshot finds a copy of the one before, whoever takes it', async () => {
      await store.snapshot()
      daemon = await store.startDaemon({ env: onlyPrepares })
      const own = join(store.directory, '.snap-volume')
      for (const env of [{ SNAP_HOST: `unix://${own}/control.sock` }, {}]) {
        const newest = store.snapshotNames().at(-1) ?? ''
        await daemon.line(new RegExp(`a copy of ${newest} ready`))
        const inode = inodeIn(own, `spare/${newest.slice(1)}/data/still`)
        const { exitCode, stderr } = await store.run(['snapshot'], { env })
        expect(exitCode, stderr).to.equal(0)
        const taken = store.dataIn(store.snapshotNames().at(-1) ?? '')
        expect(compareTrees(walkTree(store.data), walkTree(taken))).to.deep.equal([])
        expect(inodeIn(taken, 'still')).to.equal(inode)
      }
    })
  })
}

function inodeIn(root: string, path: string): number {
  return lstatSync(join(root, path)).ino
}

import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { growAwkwardTree } from '../support/awkward-tree.ts'
import { lastDocumentOf, startDaemon } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, configure, makeUnconfiguredStore } from '../support/test-store.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'

const older = '@GMT-2014.07.01-03.00.00'
const newer = '@GMT-2014.07.02-03.00.00'

describe('A store of the predecessor', () => {
  let store: TestStore
  let source: Tree
  let executed: string

  beforeEach(async () => {
    store = await makeUnconfiguredStore()
    executed = `${store.data}.executed`
    await growAwkwardTree(store.data)
    // cp(1), by which the predecessor is played here, takes no path that long
    await shellIn(store.data, 'rm -r names/deep')
    source = walkTree(store.data)
    const old = join(store.directory, 'snapshot')
    await mkdir(join(old, newer), { recursive: true })
    await shellIn(old, `cp -a ${store.data} ${newer}/data; cp -al ${newer} ${older}`)
    await shellIn(old, 'mkdir notes; echo mine > notes/file; mkdir @GMT-2014.07.03-03.00.00')
    const conf = `VOLUME_DATA="data:${store.data}"\nMAX=$(touch ${executed})\n\`touch ${executed}\`\n`
    await writeFile(join(store.directory, 'snapshot.conf'), conf)
    await configure(store)
  })

  afterEach(() => store.remove())

  it('is taken over by start, and shown', async () => {
    expect(store.snapshotNames()).to.deep.equal([older, newer])
    const document = lastDocumentOf(await store.run(['show', '--json']))
    const shown = document['snapshots'] as { name: string; kind: string }[]
    expect(shown.map(({ name, kind }) => `${name} ${kind}`)).to.deep.equal([
      `${older} adopted`,
      `${newer} adopted`,
    ])
  })

  it('keeps every file of its snapshots', () => {
    const trees = [older, newer].map((name) => walkTree(store.dataIn(name)))
    expect(trees.map((tree) => compareTrees(source, tree))).to.deep.equal([[], []])
  })

  it('is restored from', async () => {
    await shellIn(store.data, 'rm -rf plain links; echo x > hello.txt')
    const { exitCode } = await store.run(['restore', older, '--yes'])
    expect(compareTrees(source, walkTree(store.data))).to.deep.equal([])
    expect(exitCode).to.equal(0)
  })

  it('is what the next snapshot shares its files with', async () => {
    const name = await store.snapshot()
    const inodes = [newer, name].map(
      (one) => lstatSync(join(store.dataIn(one), 'hello.txt'), { bigint: true }).ino,
    )
    expect(inodes[0]).to.equal(inodes[1])
    expect(compareTrees(source, walkTree(store.dataIn(name)))).to.deep.equal([])
  })

  it('keeps what is not a snapshot where it was', () => {
    const left = readdirSync(join(store.directory, 'snapshot')).toSorted()
    expect(left).to.deep.equal(['@GMT-2014.07.03-03.00.00', 'notes'])
  })

  it('has its snapshot.conf read and never executed', () => {
    expect(existsSync(executed)).to.equal(false)
  })

  it('is left alone by a second start', async () => {
    const before = store.published()
    await configure(store)
    expect(compareTrees(before, store.published())).to.deep.equal([])
  })
})

describe('A store of the predecessor that is started under other IDs', () => {
  let store: TestStore
  let output: string

  before(async () => {
    store = await makeUnconfiguredStore()
    const old = join(store.directory, 'snapshot')
    await mkdir(join(old, older, 'mail'), { recursive: true })
    await mkdir(join(old, newer, 'data'), { recursive: true })
    await writeFile(join(store.directory, 'snapshot.conf'), `VOLUME_DATA="data:${store.data}"\n`)
    const env = { ...store.env, SNAP_MAX: '1', SNAP_ON_START: 'true' }
    const daemon = await startDaemon([`mysql:${store.data}`], { env })
    await daemon.line(/ snapshot @GMT-/)
    await daemon.stop()
    output = daemon.output()
  })

  after(() => store.remove())

  it('is told at once which IDs its snapshots have, and with what to start', () => {
    expect(output).to.match(/ warn +\S+ holds the volume mail, which is not configured now/)
    expect(output).to.include(`start with data:${store.data}`).and.include('start with mail:PATH')
  })

  it('is told before a snapshot is taken, and so before one is removed', () => {
    const first = output.search(/ snapshot @GMT-| removed @GMT-| started: /)
    expect(output.indexOf('holds the volume data')).to.be.within(0, first)
    expect(output.indexOf('holds the volume mail')).to.be.within(0, first)
  })
})

import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { documentsOf, lastDocumentOf } from '../support/cli.ts'
import { engines } from '../support/engines.ts'
import { fullPlaces } from '../support/full-places.ts'
import { loopOrSkip } from '../support/places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

const megabyte = 1024 * 1024
const wayOut = '--without-safety'

describe('restore --without-safety', function () {
  this.timeout(60_000)

  let store: TestStore
  let removeFilesystem: (() => Promise<void>) | undefined

  afterEach(async () => {
    await store?.remove()
    await removeFilesystem?.()
    removeFilesystem = undefined
  })

  const write = (name: string, word: string, bytes = megabyte): void => {
    writeFileSync(join(store.data, name), Buffer.alloc(bytes, word))
  }
  const write150 = (word: string): void => {
    for (let index = 0; index < 150; index += 1) write(`file-${index}`, word, 100)
  }
  const differences = (name: string): string[] =>
    compareTrees(walkTree(store.dataIn(name)), walkTree(store.data))

  /** A snapshot, and then data that have changed in every way. */
  async function damage(): Promise<string> {
    for (const name of ['changed', 'deleted', 'kept']) write(name, name)
    const good = await store.snapshot()
    write('changed', 'damage')
    write('added', 'damage')
    rmSync(join(store.data, 'deleted'))
    return good
  }

  const full: [what: string, fill: string, isOneFilesystem: boolean][] = [
    ['without a byte left', 'cat /dev/zero > filler || true', false],
    ['without an inode left', 'mkdir full && touch full/{1..9999} 2> full.log || true', false],
    ['without a byte left for the data either', 'cat /dev/zero > filler || true', true],
  ]
  for (const [what, fill, isOneFilesystem] of full) {
    it(`is the way out of a store ${what}, and the refusal names it`, async function () {
      const filesystem = await loopOrSkip(this, 'ext4', { sizeMiB: 24, inodes: 512 })
      removeFilesystem = async () => filesystem.remove()
      const dataOn = isOneFilesystem ? filesystem.path : '/var/tmp'
      store = await makeStore({ on: filesystem.path, dataOn })
      const good = await damage()
      await shellIn(filesystem.path, `${fill}; sync -f .`)

      const refused = await store.run(['restore', good, '--yes'])
      expect(refused.exitCode).to.equal(1)
      expect(refused.stderr).to.match(
        /nothing was restored, .* is full .*or restore with --without-safety, which keeps nothing/,
      )
      expect(readFileSync(join(store.data, 'added'), 'latin1')).to.match(/^damage/)

      const finished = await store.run(['restore', good, '--yes', wayOut])
      expect(finished.exitCode, finished.stderr).to.equal(0)
      expect(differences(good)).to.deep.equal([])
      expect(store.snapshotNames()).to.deep.equal([good])
    })
  }

  for (const { title, mount } of fullPlaces) {
    for (const [what, isOneFilesystem] of [
      ['the data elsewhere', false],
      ['with the data', true],
    ] as const) {
      it(`is the way out ${title} without a byte left, ${what}`, async function () {
        const place = await mount(this)
        removeFilesystem = async () => place.remove()
        const dataOn = isOneFilesystem ? place.path : '/var/tmp'
        store = await makeStore({ on: place.path, dataOn })
        const good = await damage()
        await place.fill()
        const finished = await store.run(['restore', good, '--yes', wayOut])
        expect(finished.exitCode, finished.stderr).to.equal(0)
        expect(differences(good)).to.deep.equal([])
        expect(store.snapshotNames()).to.deep.equal([good])
      })
    }
  }

  it('has room in a store of a version before, which kept less of it', async () => {
    store = await makeStore()
    const reserve = join(store.directory, '.snap-volume/reserve')
    rmSync(reserve, { recursive: true, force: true })
    await shellIn(
      store.directory,
      'mkdir .snap-volume/reserve; cd .snap-volume/reserve; for n in 0 1 2 3; do head -c 16K /dev/zero > $n; done',
    )
    await store.snapshot()
    const bytes = readdirSync(reserve).map((name) => statSync(join(reserve, name)).size)
    expect(bytes.reduce((sum, size) => sum + size)).to.be.at.least(megabyte)
  })

  it('says before and after it, and in JSON, that nothing is kept', async () => {
    store = await makeStore()
    const good = await damage()
    const plan = await store.run(['restore', good, '--dry-run', wayOut])
    expect(plan.stdout).to.match(/WARNING: no safety snapshot is taken: .*gone for good/)
    const document = lastDocumentOf(
      await store.run(['restore', good, wayOut, '--dry-run', '--json']),
    )
    expect(document).to.include({ withoutSafety: true })
    expect(readdirSync(store.data)).to.include('added')

    const finished = await store.run(['restore', good, wayOut, '--json'])
    const documents = documentsOf(finished)
    const codes = documents.map(({ code, phase }) => code ?? phase)
    expect(codes.indexOf('without-safety')).to.be.within(0, codes.indexOf('restore'))
    expect(documents.at(-1)).to.include({ type: 'result', safety: null })
    expect(differences(good)).to.deep.equal([])
  })

  it('cannot be undone, which --undo says, and leaves the way back of none before it', async () => {
    store = await makeStore()
    const good = await damage()
    expect((await store.run(['restore', good, '--yes'])).exitCode).to.equal(0)
    write('changed', 'again')
    const finished = await store.run(['restore', good, '--yes', wayOut])
    expect(finished.stdout).to.include('"snap-volume restore --undo" cannot go back')
    const undo = await store.run(['restore', '--undo', '--yes'])
    expectRefusal(undo, 1, /cannot be undone: it was made with --without-safety.* by its name/)
    expect(differences(good)).to.deep.equal([])
  })

  it('keeps what a restore before it replaced, when it goes back to that', async () => {
    store = await makeStore()
    const good = await damage()
    const damaged = walkTree(store.data)
    expect((await store.run(['restore', good, '--yes'])).exitCode).to.equal(0)
    const finished = await store.run(['restore', '--undo', '--yes', wayOut])
    expect(finished.exitCode, finished.stderr).to.equal(0)
    expect(compareTrees(damaged, walkTree(store.data))).to.deep.equal([])
    expect(store.snapshotNames()).to.have.length(2)
  })

  for (const engine of engines) {
    it(`is followed by a snapshot of what it left, unflagged, by ${engine}`, async () => {
      store = await makeStore({ env: { SNAP_ENGINE: engine } })
      write150('good')
      // the same size, and below the same time
      const sameTimes = 'touch -d 2026-01-02T03:04:05Z *'
      await shellIn(store.data, sameTimes)
      const good = await store.snapshot()
      write150('evil')
      await shellIn(store.data, sameTimes)
      await store.run(['snapshot', '--checksum', '--accept-changes'])
      expect((await store.run(['restore', good, '--yes', wayOut])).exitCode).to.equal(0)

      const next = await store.snapshot()
      expect(differences(next)).to.deep.equal([])
      expect(readFileSync(join(store.dataIn(next), 'file-0'), 'latin1')).to.match(/^good/)
    })
  }

  it('that was cut off is finished in the same way, and offers no way back', async () => {
    store = await makeStore()
    const good = await damage()
    expect((await store.run(['restore', good, '--yes', wayOut])).exitCode).to.equal(0)
    const journal = join(store.directory, '.snap-volume/journal/restore.json')
    const cutOff = JSON.parse(readFileSync(journal, 'utf8')) as object
    expect(cutOff).to.include({ safety: null })
    writeFileSync(journal, JSON.stringify({ ...cutOff, finishedAt: null }))
    write('changed', 'half')

    const way = `finish it with "snap-volume restore ${good} --volume data --without-safety"`
    expectRefusal(await store.run(['snapshot']), 1, new RegExp(way))
    expectRefusal(await store.run(['restore', '--undo', '--yes']), 1, /cannot be undone: .*finish/)
    const finished = await store.run(['restore', good, '--volume', 'data', wayOut, '--yes'])
    expect(finished.exitCode, finished.stderr).to.equal(0)
    expect(differences(good)).to.deep.equal([])
    await store.snapshot()
  })
})

import { expect } from 'chai'
import { planRestore, restore } from '../../src/actions/restore/restore.ts'
import type { RecordWarning, SnapshotRecord } from '../../src/store/record.ts'
import { type Finished, lastDocumentOf } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { makeStore, useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { makeStoreOf, treeIn, volumesFor } from './support/changed-volumes.ts'
import { changesOfInodes, changesOfNames, unchangedData } from './support/foreign-changes.ts'
import type { InProcessStore } from './support/in-process.ts'
import { prelink, prelinkedTree } from './support/prelinked.ts'
import { howOften, sample } from '../support/sample.ts'

const changesOfBoth = { ...changesOfInodes, ...changesOfNames }

/**
 * Warnings of changed history anywhere in what an action gave: an event, a record, a plan, a
 * result.
 */
function historyWarnings(given: unknown): RecordWarning[] {
  const found: RecordWarning[] = []
  JSON.parse(JSON.stringify(given), (_, value: unknown) => {
    if (isHistoryWarning(value)) found.push(value)
    return value
  })
  return found
}

function isHistoryWarning(value: unknown): value is RecordWarning {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    value.code === 'history-changed'
  )
}

function expectNamed(given: unknown, named: readonly string[]): void {
  const paths = historyWarnings(given).flatMap((warning) => warning.paths ?? [])
  const isNamed = paths.some((path) => named.includes(path))
  expect(isNamed, `one of "${named.join('", "')}" is named in ${JSON.stringify(paths)}`).to.equal(
    true,
  )
}

function warningsOf({ warnings }: SnapshotRecord, id: string): RecordWarning[] {
  return warnings.filter(({ volume }) => volume === id)
}

function recordIn(finished: Finished): SnapshotRecord {
  return (lastDocumentOf(finished) as unknown as { snapshot: SnapshotRecord }).snapshot
}

/** Where somebody changed something of which a warning has to tell. */
const scenes = [
  {
    where: 'in the newest snapshot',
    volumes: volumesFor(changesOfBoth),
    isPrelinked: false,
    tree: (store: InProcessStore, newest: string, id: string) => treeIn(store, newest, id),
  },
  {
    where: 'in the newest snapshot once that is prelinked',
    volumes: volumesFor(changesOfBoth),
    isPrelinked: true,
    tree: (store: InProcessStore, newest: string, id: string) => treeIn(store, newest, id),
  },
  {
    where: 'in the prelinked tree',
    volumes: volumesFor(changesOfInodes),
    isPrelinked: true,
    tree: ({ context }: InProcessStore, _: string, id: string) =>
      prelinkedTree(context.store.directory, id),
  },
]

for (const { where, volumes, isPrelinked, tree } of sample(scenes, howOften(3, 1), 'scenes')) {
  describe(`After changes ${where}`, function () {
    this.timeout(180_000)

    let store: InProcessStore
    let first: SnapshotRecord
    let second: SnapshotRecord

    before(async () => {
      store = await makeStoreOf(volumes)
      await store.snapshot()
      const { name } = await store.snapshot()
      if (isPrelinked) await prelink(store.context)
      for (const { id, script } of volumes) await shellIn(tree(store, name, id), script)
      first = await store.snapshot()
      second = await store.snapshot()
    })

    after(() => store?.remove())

    const differencesOf = ({ name }: SnapshotRecord, id: string, data: string): string[] =>
      compareTrees(walkTree(data), walkTree(treeIn(store, name, id)))

    for (const volume of volumes) {
      const { id, what, named } = volume
      it(`the next one equals the live data, where there was ${what}`, () => {
        expect(differencesOf(first, id, volume.data)).to.deep.equal([])
      })

      it(`a warning of the next one names ${what}`, () => {
        expectNamed(warningsOf(first, id), named)
      })

      it(`the one after that is right and has no such warning, where there was ${what}`, () => {
        expect(differencesOf(second, id, volume.data)).to.deep.equal([])
        expect(historyWarnings(warningsOf(second, id))).to.deep.equal([])
      })
    }
  })
}

// no published snapshot has changed then, so whether a warning is due is another question
describe('After names were changed in the prelinked tree', function () {
  this.timeout(120_000)

  const volumes = volumesFor(changesOfNames)
  let store: InProcessStore
  let next: SnapshotRecord

  before(async () => {
    store = await makeStoreOf(volumes)
    await store.snapshot()
    await prelink(store.context)
    const { directory } = store.context.store
    for (const { id, script } of volumes) await shellIn(prelinkedTree(directory, id), script)
    next = await store.snapshot()
  })

  after(() => store?.remove())

  for (const volume of volumes) {
    it(`the next one equals the live data, where there was ${volume.what}`, () => {
      const taken = walkTree(treeIn(store, next.name, volume.id))
      expect(compareTrees(walkTree(volume.data), taken)).to.deep.equal([])
    })
  }
})

describe('A restore after changes in a file that another snapshot shares', function () {
  this.timeout(120_000)

  const volumes = volumesFor(changesOfInodes)
  let store: InProcessStore
  let older: string

  before(async () => {
    store = await makeStoreOf(volumes)
    older = (await store.snapshot()).name
    const { name: newer } = await store.snapshot()
    for (const { id, script } of volumes) await shellIn(treeIn(store, newer, id), script)
  })

  after(() => store?.remove())

  /** What it says, in whichever way: events, and what it returns. */
  async function saidBy(act: typeof restore | typeof planRestore, id: string): Promise<unknown> {
    const events: unknown[] = []
    const context = { ...store.context, emit: (event: unknown) => void events.push(event) }
    const options = { undo: false, reference: older, volumes: [id], readAll: false } as const
    return [await act(context, options), events]
  }

  for (const { id, what, named } of volumes) {
    it(`is planned with a warning of ${what}`, async () => {
      expectNamed(await saidBy(planRestore, id), named)
    })
  }

  for (const volume of volumes) {
    it(`warns of ${volume.what}, and leaves live data as they are that are right`, async () => {
      const live = walkTree(volume.data)
      const said = await saidBy(restore, volume.id)
      expect(compareTrees(live, walkTree(volume.data))).to.deep.equal([])
      expectNamed(said, volume.named)
    })
  }
})

describe('The commands after somebody wrote into a snapshot', () => {
  const store = useStore({ env: { SNAP_ENGINE: 'link' } })

  beforeEach(async () => {
    await shellIn(store.data, unchangedData)
    await untilAllIsOld(store.data)
  })

  function expectLiveDataIn(tree: string): void {
    expect(compareTrees(walkTree(store.data), walkTree(tree))).to.deep.equal([])
  }

  async function expectWarnedOnce(tree: string): Promise<void> {
    await shellIn(tree, 'echo foreign > d/file')
    const flagged = await store.run(['snapshot', '--json'])
    expect(flagged.exitCode).to.equal(3)
    expectNamed(recordIn(flagged), ['d/file'])
    expectLiveDataIn(store.dataIn(recordIn(flagged).name))
    // throws when it is flagged
    await store.snapshot()
  }

  it('end with exit code 3 once', async () => {
    await expectWarnedOnce(store.dataIn(await store.snapshot()))
  })

  it('end with exit code 3 once where it was written into the prelinked tree', async () => {
    await store.snapshot()
    await store.prelink()
    await expectWarnedOnce(prelinkedTree(store.directory))
  })

  it('leave a snapshot as it was that shares nothing with the file', async () => {
    const older = await store.snapshot()
    await shellIn(store.data, 'echo edited > d/file')
    await untilAllIsOld(store.data)
    const before = walkTree(store.dataIn(older))
    await store.snapshot()
    await expectWarnedOnce(store.dataIn(await store.snapshot()))
    expect(compareTrees(before, walkTree(store.dataIn(older)))).to.deep.equal([])
  })

  it('name the file in the plan of a restore', async () => {
    const older = await store.snapshot()
    await shellIn(store.dataIn(await store.snapshot()), 'echo foreign > d/file')
    const { stdout, stderr } = await store.run(['restore', older, '--dry-run'])
    expect(stdout + stderr).to.include('d/file')
  })
})

describe('A store that was copied without ACLs and attributes', () => {
  it('has a next snapshot with those of the live data', async () => {
    const store = await makeStore({ env: { SNAP_ENGINE: 'link' } })
    try {
      await shellIn(store.data, unchangedData)
      await untilAllIsOld(store.data)
      await store.snapshot()
      await store.prelink()
      const copy = `${store.directory}.copy`
      await shellIn(store.directory, `rsync -aH ./ ${copy}/`)
      const finished = await store.run(['snapshot', '--json'], { env: { SNAP_DIR: copy } })
      const taken = walkTree(`${copy}/${recordIn(finished).name}/data`)
      expect(compareTrees(walkTree(store.data), taken)).to.deep.equal([])
    } finally {
      await store.remove()
    }
  })
})

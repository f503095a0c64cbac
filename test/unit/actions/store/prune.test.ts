import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { planPrune } from '../../../../src/actions/store/prune.ts'
import { OperationError } from '../../../../src/errors.ts'
import { noteChanges } from '../../../../src/store/changes.ts'
import type { StoreLayout } from '../../../../src/store/layout.ts'
import { createStore } from '../../../../src/store/open.ts'
import type { SnapshotRecord } from '../../../../src/store/record.ts'
import { type RestoreJournal, writeRestoreJournal } from '../../../../src/store/restore-journal.ts'
import { plantSnapshot } from '../../support/snapshots.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

const days = ['16', '17', '18', '19', '20'].map((day) => `@GMT-2026.11.${day}-03.00.00`)
/** After all of them. */
const now = new Date('2026-11-20T12:00:00Z')
const [first = '', second = '', third = '', fourth = '', fifth = ''] = days

function volumesOf(...ids: string[]): Partial<SnapshotRecord> {
  return {
    volumes: ids.map((id) => ({
      id,
      path: `/srv/${id}`,
      engine: 'link',
      base: null,
      contents: null,
    })),
  }
}

describe('planPrune', () => {
  const directory = useTemporaryDirectory()
  let store: StoreLayout

  beforeEach(() => {
    store = createStore(directory.path)
    for (const name of days) plantSnapshot(store, name)
  })

  const removed = (maxSnapshots: number): string[] =>
    planPrune(store, { maxSnapshots, timeZone: 'GMT' }, now)
      .filter(({ keep }) => !keep)
      .map(({ name }) => name)

  function restored(differences: Partial<RestoreJournal>): void {
    writeRestoreJournal(store, {
      schema: 1,
      snapshot: first,
      safety: second,
      undo: false,
      volumes: [{ id: 'data', path: '/srv/data' }],
      startedAt: '2026-11-17T03:00:00.000Z',
      finishedAt: null,
      ...differences,
    })
  }

  it('removes the oldest', () => {
    expect(removed(2)).to.deep.equal([first, second, third])
  })

  it('keeps a pinned one', () => {
    plantSnapshot(store, first, { pinned: true })
    expect(removed(2)).to.deep.equal([second, third])
  })

  it('keeps the newest without warnings', () => {
    for (const name of [third, fourth, fifth]) {
      plantSnapshot(store, name, { warnings: [{ code: 'vanished', message: 'x' }] })
    }
    expect(removed(1)).to.deep.equal([first, third, fourth])
  })

  it('takes a warning for one of the volumes that it names, else of all', () => {
    const warning = { code: 'vanished', message: 'x' }
    const both = volumesOf('data', 'mail')
    plantSnapshot(store, first, both)
    plantSnapshot(store, second, { ...both, warnings: [{ ...warning, volume: 'data' }] })
    plantSnapshot(store, third, { ...both, warnings: [{ ...warning, volume: 'mail' }] })
    plantSnapshot(store, fourth, { ...both, warnings: [warning] })
    const kept = planPrune(store, { maxSnapshots: 1, timeZone: 'GMT' }, now).filter(
      ({ keep }) => keep,
    )
    expect(kept.map(({ name, reason }) => [name, reason])).to.deep.equal([
      [second, 'the newest of mail without warnings'],
      [fourth, 'the newest of mail'],
      [fifth, 'number 1 of the newest 1 (SNAP_MAX)'],
    ])
  })

  it('keeps what a restore under way restores, and what it replaces', () => {
    restored({})
    expect(removed(1)).to.deep.equal([third, fourth])
  })

  it('keeps the way back from the last restore', () => {
    restored({ finishedAt: '2026-11-17T04:00:00.000Z' })
    expect(removed(1)).to.deep.equal([first, third, fourth])
  })

  it('leaves those of the future alone, and counts them for nothing', () => {
    const future = '@GMT-2099.01.01-00.00.00'
    plantSnapshot(store, future)
    expect(removed(2)).to.deep.equal([first, second, third])
    expect(planPrune(store, { maxSnapshots: 2, timeZone: 'GMT' }, now).at(-1)).to.deep.equal({
      name: future,
      keep: true,
      reason: 'of the future, by the clock of now',
    })
  })

  it('keeps one that a clock set back named, and counts it for nothing', () => {
    plantSnapshot(store, second, { afterFuture: [fourth, fifth] })
    expect(removed(1)).to.deep.equal([first, third, fourth])
    expect(
      planPrune(store, { maxSnapshots: 1, timeZone: 'GMT' }, now).find(
        ({ name }) => name === second,
      )?.reason,
    ).to.equal(`taken after ${fifth}, whatever their names say`)
  })

  it('keeps what was before an unaccepted change, also where the last of it was renamed since', () => {
    noteChanges(store, [{ id: 'data', lastBefore: '@GMT-2026.06.01-03.00.00', message: 'x' }])
    plantSnapshot(store, third, { formerNames: ['@GMT-2026.06.01-03.00.00'] })
    expect(removed(1)).to.deep.equal([fourth])
  })

  it('keeps all where the clock jumped, and says so', () => {
    const plan = planPrune(
      store,
      { maxSnapshots: 4, timeZone: 'GMT' },
      now,
      'the clock was set back',
    )
    expect(plan.every(({ keep }) => keep)).to.equal(true)
    expect(plan[0]?.reason).to.equal('the clock was set back')
    expect(plan[1]?.reason).to.equal('number 4 of the newest 4 (SNAP_MAX)')
  })

  it('keeps the way back from the last restore by a name that it had', () => {
    const safety = '@GMT-2099.01.01-00.00.00'
    restored({ safety, finishedAt: '2026-11-17T04:00:00.000Z' })
    plantSnapshot(store, first, { formerNames: [safety] })
    expect(removed(1)).to.deep.equal([second, third, fourth])
  })

  it('refuses to plan while nobody knows whether a restore is under way', () => {
    writeFileSync(store.restoreJournal, 'x')
    expect(() => removed(1)).to.throw(OperationError)
  })

  it('never plans a damaged one or a foreign thing', () => {
    plantSnapshot(store, first, 'x')
    writeFileSync(join(store.directory, '@GMT-2026.11.15-03.00.00'), '')
    expect(removed(1)).to.deep.equal([second, third, fourth])
  })
})

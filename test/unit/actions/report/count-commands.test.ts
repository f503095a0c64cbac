import { expect } from 'chai'
import { withCommands } from '../../../../src/actions/report/count-commands.ts'
import { type Act, appendAct } from '../../../../src/store/act-log.ts'
import type { StoreLayout } from '../../../../src/store/layout.ts'
import { createStore } from '../../../../src/store/open.ts'
import { type FinishedRun, type RunState, noRuns } from '../../../../src/store/run-state.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

const now = new Date('2026-11-20T12:00:00.000Z')
const next = new Date('2026-11-21T03:00:00.000Z')
const at = (hour: number): string => `2026-11-20T${String(hour).padStart(2, '0')}:00:00.000Z`

function anAct(finishedAt: string, differences: Partial<Act> = {}): Act {
  const by = { what: 'command', host: 'here', pid: 1 } as const
  const name = '@GMT-2026.11.20-09.00.00'
  return {
    act: 'snapshot',
    startedAt: finishedAt,
    finishedAt,
    outcome: 'done',
    by,
    snapshot: name,
    ...differences,
  }
}

function aRun(finishedAt: string, outcome: FinishedRun['outcome']): FinishedRun {
  return {
    startedAt: finishedAt,
    finishedAt,
    reason: 'schedule',
    outcome,
    snapshot: null,
    error: null,
  }
}

const succeeded = aRun(at(3), 'success')
const failed = aRun(at(3), 'failed')
const wasDue: RunState = { ...noRuns, lastRun: failed, failuresInARow: 2, expectedBy: at(3) }

describe('withCommands', () => {
  const directory = useTemporaryDirectory()
  let store: StoreLayout

  beforeEach(() => {
    store = createStore(directory.path)
  })

  const cases: [
    what: string,
    acts: Act[],
    state: RunState,
    expected: (string | number | null)[],
  ][] = [
    ['nothing where no command took any', [], wasDue, ['schedule', null, 2, at(3)]],
    ['one after the last run', [anAct(at(9))], wasDue, ['manual', 'manual', 0, next.toISOString()]],
    [
      'one that is flagged',
      [anAct(at(9), { outcome: 'flagged' })],
      wasDue,
      ['manual', 'manual', 0, next.toISOString()],
    ],
    [
      'one before a run that failed, as a success',
      [anAct(at(2))],
      wasDue,
      ['schedule', 'manual', 2, at(3)],
    ],
    [
      'one before a success not at all',
      [anAct(at(2))],
      { ...noRuns, lastRun: succeeded, lastSuccess: succeeded },
      ['schedule', 'schedule', 0, null],
    ],
    [
      'one that failed not at all',
      [anAct(at(9), { outcome: 'failed' })],
      wasDue,
      ['schedule', null, 2, at(3)],
    ],
    [
      'a run of the daemon not at all',
      [anAct(at(9), { by: { what: 'daemon', host: 'here', pid: 1 } })],
      wasDue,
      ['schedule', null, 2, at(3)],
    ],
    [
      'a restore not at all',
      [anAct(at(9), { act: 'restore' })],
      wasDue,
      ['schedule', null, 2, at(3)],
    ],
    [
      'one of the future not at all',
      [anAct('2099-01-01T00:00:00.000Z')],
      wasDue,
      ['schedule', null, 2, at(3)],
    ],
    [
      'one after a run of the future',
      [anAct(at(9))],
      { ...noRuns, lastRun: aRun('2099-01-01T00:00:00.000Z', 'success') },
      ['manual', 'manual', 0, null],
    ],
    [
      'what is due later as due then',
      [anAct(at(9))],
      { ...wasDue, expectedBy: at(10) },
      ['manual', 'manual', 0, at(10)],
    ],
  ]
  for (const [what, acts, state, expected] of cases) {
    it(`counts ${what}`, async () => {
      for (const act of acts) await appendAct(store, act)
      const { lastRun, lastSuccess, failuresInARow, expectedBy } = withCommands(
        store,
        state,
        next,
        now,
      )
      expect([
        lastRun?.reason ?? null,
        lastSuccess?.reason ?? null,
        failuresInARow,
        expectedBy,
      ]).to.deep.equal(expected)
    })
  }

  it('leaves overdue what no later run is known for', async () => {
    await appendAct(store, anAct(at(9)))
    for (const nextRun of [undefined, new Date(at(3))]) {
      expect(withCommands(store, wasDue, nextRun, now).expectedBy).to.equal(at(3))
    }
  })
})

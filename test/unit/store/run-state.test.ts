import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { createStore } from '../../../src/store/open.ts'
import {
  type FinishedRun,
  noRuns,
  readRunState,
  withRun,
  writeRunState,
} from '../../../src/store/run-state.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const run: FinishedRun = {
  startedAt: '2026-11-20T03:00:00.000Z',
  finishedAt: '2026-11-20T03:00:02.000Z',
  reason: 'schedule',
  outcome: 'success',
  snapshot: '@GMT-2026.11.20-03.00.00',
  error: null,
}
const failed: FinishedRun = { ...run, outcome: 'failed', snapshot: null, error: 'no space' }
const next = new Date('2026-11-21T03:00:00.000Z')
const expected = { ...noRuns, expectedBy: '2026-11-20T03:00:00.000Z' }

describe('the state of the runs', () => {
  it('expects the next success when the next run is due', () => {
    expect(withRun(expected, run, next)).to.deep.equal({
      ...noRuns,
      lastRun: run,
      lastSuccess: run,
      failuresInARow: 0,
      expectedBy: next.toISOString(),
    })
  })

  it('still expects the success of a run that failed, and counts', () => {
    const once = withRun(expected, failed, next)
    const twice = withRun(once, failed, next)
    expect(twice.expectedBy).to.equal(expected.expectedBy)
    expect([once.failuresInARow, twice.failuresInARow]).to.deep.equal([1, 2])
    expect(twice.lastSuccess).to.equal(null)
  })

  it('takes a flagged snapshot for a success', () => {
    const flagged = { ...run, outcome: 'flagged' as const }
    const { failuresInARow, lastSuccess } = withRun(withRun(expected, failed, next), flagged, next)
    expect([failuresInARow, lastSuccess]).to.deep.equal([0, flagged])
  })

  it('is not under way any more when it has ended, and what was told stays told', () => {
    const told = { stale: true, codes: 'moving' }
    const begun = { startedAt: run.startedAt, reason: 'schedule' }
    const state = withRun({ ...expected, told, begun }, run, next)
    expect([state.begun, state.told]).to.deep.equal([null, told])
  })

  it('expects nothing where nothing is due any more', () => {
    expect(withRun(expected, run, undefined).expectedBy).to.equal(null)
  })

  const directory = useTemporaryDirectory()

  it('is read as it was written, and is empty before', () => {
    const store = createStore(directory.path)
    expect(readRunState(store)).to.deep.equal(noRuns)
    const state = withRun(noRuns, failed, next)
    writeRunState(store, state)
    expect(readRunState(store)).to.deep.equal(state)
  })

  it('is no guess where it cannot be read', () => {
    const store = createStore(directory.path)
    writeFileSync(store.runs, '{"schema":1}')
    expect(() => readRunState(store)).to.throw('lastRun')
  })
})

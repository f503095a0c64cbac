import { expect } from 'chai'
import type { Health } from '../../../src/actions/report/health.ts'
import { createNoticeRules } from '../../../src/daemon/notice.ts'
import { type FinishedRun, type AlertState, noRuns } from '../../../src/store/run-state.ts'

const run: FinishedRun = {
  startedAt: '2026-11-20T03:00:00.000Z',
  finishedAt: '2026-11-20T03:00:02.000Z',
  reason: 'schedule',
  outcome: 'success',
  snapshot: '@GMT-2026.11.20-03.00.00',
  error: null,
}
const failed: FinishedRun = { ...run, outcome: 'failed', snapshot: null, error: 'disk full' }
const flagged: FinishedRun = { ...run, outcome: 'flagged' }
const failing = (failuresInARow: number) => ({ ...noRuns, failuresInARow })
const moving = { code: 'moving', message: '2 files changed each time' }
const unpruned = { code: 'prune', message: 'older ones could not be removed' }
const stale: Health = {
  level: 'critical',
  findings: [{ level: 'critical', code: 'stale', message: 'a snapshot is overdue by 1h' }],
}
const well: Health = { level: 'ok', findings: [] }

function newRules(told: AlertState = noRuns.told) {
  return createNoticeRules(told, () => undefined)
}

describe('who is told what', () => {
  it('is nothing while all is well', () => {
    const rules = newRules()
    expect([...rules.afterRun(noRuns, run, []), ...rules.afterBeat(well)]).to.deep.equal([])
  })

  it('is the first failure, with why, and none of those that follow', () => {
    const rules = newRules()
    expect(rules.afterRun(noRuns, failed, [])).to.deep.equal([
      { event: 'failure', title: 'no snapshot was taken', message: 'disk full', snapshot: null },
    ])
    expect(rules.afterRun(failing(1), failed, [])).to.deep.equal([])
  })

  it('is the success after failures, also where another daemon saw them', () => {
    const [notice, ...others] = newRules().afterRun(failing(3), run, [])
    expect(notice).to.include({ event: 'recovery', snapshot: run.snapshot })
    expect(others).to.deep.equal([])
  })

  it('is once that snapshots are overdue, and once that they are taken again', () => {
    const rules = newRules()
    const events = [
      ...rules.afterBeat(stale),
      ...rules.afterBeat(stale),
      ...rules.afterRun(noRuns, run, []),
      ...rules.afterBeat(well),
      ...rules.afterBeat(stale),
    ].map(({ event }) => event)
    expect(events).to.deep.equal(['stale', 'recovery', 'stale'])
  })

  it('is not what a daemon before has told, and is that it is over', () => {
    let told = noRuns.told
    const before = createNoticeRules(told, (now) => (told = now))
    before.afterBeat(stale)
    before.afterRun(noRuns, flagged, [moving])
    before.afterBeat(stale)
    const after = newRules(told)
    expect(after.afterBeat(stale)).to.deep.equal([])
    expect(after.afterRun(noRuns, flagged, [moving]).map(({ event }) => event)).to.deep.equal([
      'recovery',
    ])
  })

  it('is a flagged snapshot, until it is flagged for something else or not any more', () => {
    const rules = newRules()
    const events = [[moving], [moving], [moving, moving], [moving, unpruned], [], [moving]].map(
      (warnings) =>
        rules.afterRun(noRuns, warnings.length === 0 ? run : flagged, warnings)[0]?.event,
    )
    expect(events).to.deep.equal([
      'suspicious',
      undefined,
      undefined,
      'prune-frozen',
      undefined,
      'suspicious',
    ])
  })
})

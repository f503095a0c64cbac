import { expect } from 'chai'
import { type Condition, formatHealth, judgeHealth } from '../../../../src/actions/report/health.ts'

const now = new Date('2026-11-20T12:00:00.000Z')
const ago = (minutes: number): string => new Date(now.getTime() - minutes * 60_000).toISOString()
const thresholds = { staleAfterMs: 15 * 60_000, warnFreePercent: 10, criticalFreePercent: 3 }

const success = {
  startedAt: ago(61),
  finishedAt: ago(60),
  reason: 'schedule',
  outcome: 'success' as const,
  snapshot: '@GMT-2026.11.20-11.00.00',
  error: null,
}
const failed = { ...success, outcome: 'failed' as const, snapshot: null, error: 'disk full' }

const good: Condition = {
  schema: 1,
  lastRun: success,
  lastSuccess: success,
  failuresInARow: 0,
  expectedBy: ago(-60),
  daemon: { running: true, startedAt: ago(600) },
  run: null,
  writer: null,
  nextRun: ago(-60),
  space: { freeBytes: 50, totalBytes: 100, freeInodes: 50, totalInodes: 100 },
  problems: [],
}

const underWay = (lastSignMinutesAgo: number) => ({
  startedAt: ago(120),
  reason: 'schedule',
  lastSignAt: ago(lastSignMinutesAgo),
})

describe('judgeHealth', () => {
  const cases: [what: string, change: Partial<Condition>, level: string, codes: string[]][] = [
    ['all is well', {}, 'ok', []],
    ['nothing was due yet', { lastRun: null, lastSuccess: null }, 'ok', []],
    ['no daemon runs', { daemon: { running: false, startedAt: null } }, 'critical', ['no-daemon']],
    ['a snapshot is late, but not by more than it may be', { expectedBy: ago(14) }, 'ok', []],
    ['a snapshot is overdue', { expectedBy: ago(16) }, 'critical', ['stale']],
    ['it is overdue, and gets on', { expectedBy: ago(120), run: underWay(1) }, 'ok', []],
    [
      'it is overdue, and hangs',
      { expectedBy: ago(120), run: underWay(16) },
      'critical',
      ['stale'],
    ],
    [
      'it is there, and what is left to tidy up keeps the next one from being taken',
      { expectedBy: ago(20), run: underWay(60) },
      'critical',
      ['stale'],
    ],
    ['nothing is scheduled any more', { expectedBy: null }, 'ok', []],
    ['the last run failed', { lastRun: failed, failuresInARow: 1 }, 'warning', ['failed']],
    [
      'the last one is flagged',
      { lastRun: { ...success, outcome: 'flagged' } },
      'warning',
      ['flagged'],
    ],
    ['space is short', { space: { ...good.space, freeBytes: 9 } }, 'warning', ['space']],
    ['space is nearly gone', { space: { ...good.space, freeBytes: 2 } }, 'critical', ['space']],
    ['inodes are nearly gone', { space: { ...good.space, freeInodes: 0 } }, 'critical', ['space']],
    ['nobody counts inodes', { space: { ...good.space, freeInodes: 0, totalInodes: 0 } }, 'ok', []],
    [
      'something is left half-way',
      { problems: [{ level: 'critical', code: 'restore-interrupted', message: 'x' }] },
      'critical',
      ['restore-interrupted'],
    ],
  ]
  for (const [what, change, level, codes] of cases) {
    it(`is ${level} when ${what}`, () => {
      const health = judgeHealth({ ...good, ...change }, thresholds, now)
      expect([health.level, health.findings.map(({ code }) => code)]).to.deep.equal([level, codes])
    })
  }

  it('is critical below SNAP_CRITICAL_FREE where SNAP_WARN_FREE is less', () => {
    const { level } = judgeHealth(
      { ...good, space: { ...good.space, freeBytes: 12 } },
      { ...thresholds, criticalFreePercent: 15 },
      now,
    )
    expect(level).to.equal('critical')
  })

  it('says how often it failed, and why', () => {
    const { findings } = judgeHealth(
      { ...good, lastRun: failed, failuresInARow: 3 },
      thresholds,
      now,
    )
    expect(findings[0]?.message).to.equal('the last 3 runs failed: disk full')
  })

  it('says by how much a snapshot is overdue, and which is the last one', () => {
    const { findings } = judgeHealth({ ...good, expectedBy: ago(90) }, thresholds, now)
    expect(findings[0]?.message).to.contain('overdue by 1h 30m').and.to.contain(ago(60))
  })
})

describe('formatHealth', () => {
  it('is the level and what led to it, on one line', () => {
    const health = judgeHealth(
      { ...good, expectedBy: ago(90), lastRun: failed, failuresInARow: 1 },
      thresholds,
      now,
    )
    expect(formatHealth(health)).to.match(/^critical: a snapshot is overdue[^\n]*$/)
  })

  it('has nothing in it that could steer a terminal', () => {
    const lastRun = { ...failed, error: 'the hook said \u001b]0;title\u0007' }
    const health = judgeHealth({ ...good, lastRun, failuresInARow: 1 }, thresholds, now)
    expect(formatHealth(health)).to.contain(String.raw`the hook said \x1b]0;title\x07`)
  })

  it('is ok when nothing is wrong', () => {
    expect(formatHealth(judgeHealth(good, thresholds, now))).to.equal('ok')
  })
})

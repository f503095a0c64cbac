import type { Health } from '../actions/report/health.ts'
import { counted } from '../system/counted.ts'
import type { FinishedRun, RunState, AlertState } from '../store/run-state.ts'
import type { RecordWarning } from '../store/record.ts'

export type NoticeEvent =
  'failure' | 'recovery' | 'stale' | 'suspicious' | 'prune-frozen' | 'damage' | 'proof-failed'

/** What somebody should know. */
export interface Notice {
  event: NoticeEvent
  title: string
  message: string
  snapshot: string | null
}

/** Decides who is told what: once when something begins, and once when it is over. */
export interface NoticeRules {
  afterRun(before: RunState, run: FinishedRun, warnings: readonly RecordWarning[]): Notice[]
  afterBeat(health: Health): Notice[]
}

/** `told` is what they know already; `keepTold` is called when that changes. */
export function createNoticeRules(
  told: AlertState,
  keepTold: (told: AlertState) => void,
): NoticeRules {
  let { stale: isStale, codes: toldCodes } = told

  function know(stale: boolean, codes: string): void {
    if (stale === isStale && codes === toldCodes) return
    isStale = stale
    toldCodes = codes
    keepTold({ stale, codes })
  }

  return {
    afterRun(before, run, warnings) {
      if (run.outcome === 'failed') {
        return before.failuresInARow > 0 ? [] : [noticeOfFailure(run)]
      }

      const notices: Notice[] = []
      if (before.failuresInARow > 0 || isStale) notices.push(noticeOfRecovery(run))
      const codes = [...new Set(warnings.map(({ code }) => code))].toSorted().join(' ')
      if (codes !== '' && codes !== toldCodes) notices.push(noticeOfWarnings(run, warnings))
      know(false, codes)
      return notices
    },
    afterBeat(health) {
      const stale = health.findings.find(({ code }) => code === 'stale')
      if (stale === undefined || isStale) return []
      know(true, toldCodes)
      const title = 'snapshots are overdue'
      return [{ event: 'stale', title, message: stale.message, snapshot: null }]
    },
  }
}

function noticeOfFailure({ error }: FinishedRun): Notice {
  return {
    event: 'failure',
    title: 'no snapshot was taken',
    message: error ?? 'see the log of the daemon',
    snapshot: null,
  }
}

function noticeOfRecovery({ snapshot }: FinishedRun): Notice {
  return {
    event: 'recovery',
    title: 'snapshots are taken again',
    message: `${snapshot} was taken`,
    snapshot,
  }
}

/** Of what is not what it was, the first ones; `verify` lists all. */
export function noticeOfDamage(paths: readonly string[]): Notice {
  const most = 10
  const others = paths.length > most ? `, and ${paths.length - most} more` : ''
  return {
    event: 'damage',
    title: `${counted(paths.length, '{path is|paths are}')} damaged in the store`,
    message: `${paths.slice(0, most).join(', ')}${others}; see "snap-volume verify"`,
    snapshot: null,
  }
}

export function noticeOfFailedProof(snapshot: string, container: string, reason: string): Notice {
  return {
    event: 'proof-failed',
    title: `a copy of ${container} did not start on ${snapshot}`,
    message: `${reason}; see "snap-volume show ${snapshot}"`,
    snapshot,
  }
}

/** Warnings of old snapshots that stay although retention would remove them. */
const ofRetention = ['prune', 'prune-waits', 'min-free', 'clock-jump']

function noticeOfWarnings({ snapshot }: FinishedRun, warnings: readonly RecordWarning[]): Notice {
  const message = warnings.map((warning) => warning.message).join('; ')
  return warnings.some(({ code }) => ofRetention.includes(code))
    ? { event: 'prune-frozen', title: 'old snapshots are not removed', message, snapshot }
    : { event: 'suspicious', title: `${snapshot} is flagged`, message, snapshot }
}

import type { Health } from '../actions/judge-health.ts'
import type { FinishedRun, RunState } from '../store/run-state.ts'
import type { RecordWarning } from '../store/record.ts'

export type NoticeEvent = 'failure' | 'recovery' | 'stale' | 'suspicious' | 'prune-frozen'

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

export function createNoticeRules(): NoticeRules {
  let isStale = false
  let toldCodes = ''
  return {
    afterRun(before, run, warnings) {
      if (run.outcome === 'failed') {
        return before.failuresInARow > 0 ? [] : [noticeOfFailure(run)]
      }
      const notices: Notice[] = []
      if (before.failuresInARow > 0 || isStale) notices.push(noticeOfRecovery(run))
      isStale = false
      const codes = [...new Set(warnings.map(({ code }) => code))].toSorted().join(' ')
      if (codes !== '' && codes !== toldCodes) notices.push(noticeOfWarnings(run, warnings))
      toldCodes = codes
      return notices
    },
    afterBeat(health) {
      const stale = health.findings.find(({ code }) => code === 'stale')
      if (stale === undefined || isStale) return []
      isStale = true
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

function noticeOfWarnings({ snapshot }: FinishedRun, warnings: readonly RecordWarning[]): Notice {
  const message = warnings.map((warning) => warning.message).join('; ')
  return warnings.some(({ code }) => code === 'prune')
    ? { event: 'prune-frozen', title: 'old snapshots are not removed', message, snapshot }
    : { event: 'suspicious', title: `${snapshot} is flagged`, message, snapshot }
}

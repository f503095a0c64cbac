import type { ActionContext } from '../actions/context.ts'
import { summarizeSnapshot } from '../actions/snapshot/snapshot-summary.ts'
import { type SnapshotResult, takeSnapshot } from '../actions/snapshot/take-snapshot.ts'
import { OperationError, exitCodes, messageOf } from '../errors.ts'
import type { Log } from '../system/log.ts'
import type { Metrics } from './metrics.ts'
import type { NoticeRules } from './notice.ts'
import type { Notifier } from './notifier.ts'
import type { RunOutcome, RunWatch } from './run-watch.ts'
import type { RunReason } from './one-at-a-time.ts'

/** Who follows the runs of a daemon. */
export interface RunFollowers {
  runs: RunWatch
  metrics: Metrics
  rules: NoticeRules
  notifier: Notifier
  log: Log
}

/** Takes a snapshot on schedule, and tells everybody what became of it. Never throws. */
export async function runOnce(
  context: ActionContext,
  followers: RunFollowers,
  reason: RunReason,
): Promise<void> {
  const { runs, metrics, rules, notifier, log } = followers
  const beganMs = performance.now()
  runs.begin(reason)
  notifier.ping('start', reason)
  const { outcome, exitCode, result, failure } = await takeOne(context, log, reason)

  // one that was ended with the daemon says nothing of how it goes
  if (context.signal?.aborted) {
    runs.giveUp()
    return
  }

  metrics.ran({ reason, exitCode, seconds: (performance.now() - beganMs) / 1000 })
  if (result === undefined) metrics.failed(failure)
  else metrics.published(result.record)

  const ping = result === undefined ? 'fail' : 'success'
  const ms = Math.round(performance.now() - beganMs)
  notifier.ping(ping, outcome.error ?? outcome.snapshot ?? '', ms)
  const { before, run } = runs.end(outcome)
  for (const notice of rules.afterRun(before, run, result?.warnings ?? [])) notifier.tell(notice)
}

interface Taken {
  outcome: RunOutcome
  exitCode: number
  result?: SnapshotResult
  /** Why there is none. */
  failure?: unknown
}

async function takeOne(context: ActionContext, log: Log, reason: RunReason): Promise<Taken> {
  try {
    const checksum = reason === 'checksum'
    const result = await takeSnapshot(context, { kind: 'scheduled', checksum })
    const how = checksum ? ', all contents compared' : ''
    log.info(`snapshot ${summarizeSnapshot(result)}${how}`, { reason, ...result })
    const isFlagged = result.warnings.length > 0

    return {
      outcome: {
        outcome: isFlagged ? 'flagged' : 'success',
        snapshot: result.record.name,
        error: null,
      },
      exitCode: isFlagged ? exitCodes.warnings : exitCodes.done,
      result,
    }
  } catch (error) {
    const exitCode = error instanceof OperationError ? error.exitCode : exitCodes.failed
    log.error(`no snapshot was taken: ${messageOf(error)}`, { reason, exitCode })
    const outcome = { outcome: 'failed', snapshot: null, error: messageOf(error) } as const
    return { outcome, exitCode, failure: error }
  }
}

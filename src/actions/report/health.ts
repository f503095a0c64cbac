import prettyMilliseconds from 'pretty-ms'
import { printable } from '../../system/printable.ts'
import type { Heartbeat } from '../../store/heartbeat.ts'
import type { RunState } from '../../store/run-state.ts'

const healthLevels = ['ok', 'warning', 'critical'] as const
export type HealthLevel = (typeof healthLevels)[number]

/** Something that is not as it should be. */
export interface HealthFinding {
  level: 'warning' | 'critical'
  code: string
  /** What, where, and what to do next. */
  message: string
}

export interface Health {
  level: HealthLevel
  findings: HealthFinding[]
}

export interface HealthThresholds {
  /** How late a snapshot may be, in ms. */
  staleAfterMs: number
  /** Percent of the store's filesystem, in bytes and in inodes. */
  warnFreePercent: number
  criticalFreePercent: number
}

/** How it goes with the snapshots of a store, as far as one need not read them. */
export interface Condition extends Omit<RunState, 'begun' | 'told'> {
  daemon: { running: boolean; startedAt: string | null }
  /** The run of the schedule that is under way. */
  run: Heartbeat['running']
  /** Who writes the store now, and since when. */
  writer: string | null
  nextRun: string | null
  space: Space
  /** What is left half-way, or broken. */
  problems: HealthFinding[]
}

export interface Space {
  freeBytes: number
  totalBytes: number
  freeInodes: number
  totalInodes: number
}

/** Whether someone has to look after the store: the worst of what is found decides. */
export function judgeHealth(status: Condition, thresholds: HealthThresholds, now: Date): Health {
  const findings = [
    ...judgeDaemon(status),
    ...judgeAge(status, thresholds, now),
    ...judgeRuns(status),
    ...judgeSpace(status, thresholds),
    ...status.problems,
  ]

  const worst = Math.max(0, ...findings.map(({ level }) => healthLevels.indexOf(level)))
  return { level: healthLevels[worst] ?? 'critical', findings }
}

/** As a line: the level, then what led to it. */
export function formatHealth({ level, findings }: Health): string {
  const messages = findings.filter((finding) => finding.level === level)
  return printable([level, ...messages.map(({ message }) => message)].join(': '))
}

function judgeDaemon({ daemon }: Pick<Condition, 'daemon'>): HealthFinding[] {
  if (daemon.running) return []
  return [
    {
      level: 'critical',
      code: 'no-daemon',
      message: 'no daemon runs on this store: start the container of "snap-volume start" again',
    },
  ]
}

function judgeAge(
  { run, lastSuccess, expectedBy }: Condition,
  { staleAfterMs }: HealthThresholds,
  now: Date,
): HealthFinding[] {
  if (expectedBy === null) return []
  // one that is under way, and gets on, is no stall
  const since = Math.max(Date.parse(expectedBy), run === null ? 0 : Date.parse(run.lastSignAt))
  if (now.getTime() <= since + staleAfterMs) return []

  const late = prettyMilliseconds(now.getTime() - Date.parse(expectedBy), { unitCount: 2 })
  const last =
    lastSuccess === null ? 'there is none yet' : `the last one is of ${lastSuccess.finishedAt}`
  const stall = run === null ? '' : `; the run of ${run.startedAt} does not get on`

  return [
    {
      level: 'critical',
      code: 'stale',
      message: `a snapshot is overdue by ${late}, ${last}${stall}: see the log of the daemon`,
    },
  ]
}

function judgeRuns({ lastRun, failuresInARow }: Condition): HealthFinding[] {
  if (lastRun === null || lastRun.outcome === 'success') return []
  if (lastRun.outcome === 'flagged') {
    const message = `the last snapshot is flagged: see "snap-volume show ${lastRun.snapshot}"`
    return [{ level: 'warning', code: 'flagged', message }]
  }

  const times = failuresInARow === 1 ? 'the last run' : `the last ${failuresInARow} runs`
  const message = `${times} failed: ${lastRun.error ?? 'see the log of the daemon'}`
  return [{ level: 'warning', code: 'failed', message }]
}

function judgeSpace(
  { space }: Pick<Condition, 'space'>,
  { warnFreePercent, criticalFreePercent }: HealthThresholds,
): HealthFinding[] {
  const judge = (what: string, free: number, total: number): HealthFinding[] => {
    // filesystems that make inodes as they need them count none
    if (total === 0) return []
    const percent = (free / total) * 100
    if (percent >= Math.max(warnFreePercent, criticalFreePercent)) return []

    return [
      {
        level: percent < criticalFreePercent ? 'critical' : 'warning',
        code: 'space',
        message: `the store's filesystem has ${percent.toFixed(1)} % of its ${what} free: enlarge it, or lower SNAP_MAX and prune`,
      },
    ]
  }
  return [
    ...judge('space', space.freeBytes, space.totalBytes),
    ...judge('inodes', space.freeInodes, space.totalInodes),
  ]
}

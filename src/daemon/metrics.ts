import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ActionEvent } from '../actions/events.ts'
import type { StatusDescription } from '../actions/report/status.ts'
import type { RetentionDecision } from '../retention/plan.ts'
import { exitCodes, failureCauseOf, failureCauses } from '../errors.ts'
import { parseSnapshotName } from '../store/names.ts'
import type { SnapshotRecord } from '../store/record.ts'
import type { RunReason } from './one-at-a-time.ts'

const prefix = 'snap_volume_'
const secondsBuckets = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400]
const pauseBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/**
 * The labels that runs of the schedule have: their series begin at 0, so that the first of a kind
 * is a growth too.
 */
const reasons: readonly RunReason[] = ['schedule', 'checksum', 'start', 'catch-up']
const endings = [exitCodes.done, exitCodes.failed, exitCodes.warnings, exitCodes.busy]
const phases = ['lock', 'copy', 'publish', 'prune']

export interface MetricsOptions {
  /** Called for each scrape. */
  readStatus: () => Promise<StatusDescription>
  /** What retention would do; undefined where nobody can tell. Called for each scrape too. */
  readPlan: () => readonly RetentionDecision[] | undefined
  /** The names of those that are snapshotted. */
  volumes: readonly string[]
  startedAt: Date
  version: string
}

/** What monitoring draws and alarms by; examples/prometheus has both. */
export class Metrics {
  readonly #readStatus: MetricsOptions['readStatus']
  readonly #readPlan: MetricsOptions['readPlan']
  readonly #kept: Gauge<'rule'>
  readonly #registry = new Registry()
  readonly #runs: RunSeries
  readonly #snapshots: SnapshotSeries
  readonly #setState: (status: StatusDescription) => void
  #phase: { name: string; sinceMs: number } | undefined

  constructor({ readStatus, readPlan, volumes, startedAt, version }: MetricsOptions) {
    this.#readStatus = readStatus
    this.#readPlan = readPlan
    const make = makeSeriesIn(this.#registry)
    this.#kept = make.gauge(
      'kept_snapshots',
      'Snapshots that stay, by each rule that keeps them.',
      ['rule'],
    )
    this.#runs = runSeries(make)
    this.#snapshots = snapshotSeries(make)
    setProgramSeries(make, version, startedAt)
    this.#beginAtZero(volumes)
    this.#setState = stateSeries(make)
  }

  observe(event: ActionEvent): void {
    if (event.type === 'phase') this.#enter(event.phase)
    else if (event.type === 'warning') this.#runs.warnings.inc({ code: event.code })
    else if (event.type === 'removed') this.#runs.removed.inc()
    else if (event.type === 'freed') this.#runs.freed.inc(event.bytes)
  }

  /** A run of the schedule has ended; `exitCode` as a command would have had it. */
  ran({ reason, exitCode, seconds }: { reason: string; exitCode: number; seconds: number }): void {
    this.#enter(undefined)
    this.#runs.runs.inc({ reason, exit_code: exitCode })
    this.#runs.seconds.observe(seconds)
  }

  /** Why one of them took no snapshot. */
  failed(error: unknown): void {
    this.#runs.failures.inc({ cause: failureCauseOf(error) })
  }

  /** One was due while the one before was under way. */
  skipped(): void {
    this.#runs.skipped.inc()
  }

  /** One was due while the host was asleep. */
  missed(): void {
    this.#runs.missed.inc()
  }

  /** What a snapshot is like that was just published. */
  published({ quietMs, volumes: records }: SnapshotRecord): void {
    if (quietMs !== undefined) this.#runs.pauseSeconds.observe(quietMs / 1000)

    const { entries, bytes, addedBytes, addedFiles } = this.#snapshots
    for (const { id: volume, contents } of records) {
      if (contents === null) continue
      for (const kind of ['files', 'directories', 'symlinks', 'specials'] as const) {
        entries.set({ volume, kind }, contents[kind])
      }

      bytes.set({ volume }, contents.bytes)
      addedBytes.inc({ volume }, contents.addedBytes)
      addedFiles.inc({ volume }, contents.addedFiles)
    }
  }

  /** The text that Prometheus reads. */
  async render(): Promise<{ contentType: string; text: string }> {
    this.#setState(await this.#readStatus())
    this.#kept.reset()
    for (const { keep, reason } of this.#readPlan() ?? []) {
      if (keep) for (const rule of rulesIn(reason)) this.#kept.inc({ rule })
    }
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() }
  }

  #beginAtZero(volumes: readonly string[]): void {
    const { runs, failures, phaseSeconds } = this.#runs
    for (const reason of reasons) {
      for (const exitCode of endings) runs.inc({ reason, exit_code: exitCode }, 0)
    }

    for (const cause of failureCauses) failures.inc({ cause }, 0)
    for (const name of phases) phaseSeconds.zero({ phase: name })

    for (const volume of volumes) {
      this.#snapshots.addedBytes.inc({ volume }, 0)
      this.#snapshots.addedFiles.inc({ volume }, 0)
    }
  }

  /** A phase begins, or undefined, and the one before has ended. */
  #enter(name: string | undefined): void {
    const nowMs = performance.now()
    if (this.#phase !== undefined) {
      const { name: phase, sinceMs } = this.#phase
      this.#runs.phaseSeconds.observe({ phase }, (nowMs - sinceMs) / 1000)
    }
    this.#phase = name === undefined ? undefined : { name, sinceMs: nowMs }
  }
}

/** The rules that a decision names: as `daily`; `max` for SNAP_MAX, `other` for what is no rule. */
function rulesIn(reason: string): Set<string> {
  const parts = reason.replaceAll('oldest, until', 'oldest').split(', ')
  return new Set(
    parts.map((part) => {
      if (part.startsWith('number ')) return 'max'
      return /^(?:\w+(?= \d+ of )|within|oldest|pinned)/.exec(part)?.[0] ?? 'other'
    }),
  )
}

type SeriesMaker = ReturnType<typeof makeSeriesIn>

/** Makes series in a registry, with the name of the program before theirs. */
function makeSeriesIn(registry: Registry) {
  const registers = [registry]
  return {
    counter: <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
      new Counter({ name: prefix + name, help, labelNames, registers }),
    gauge: <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
      new Gauge({ name: prefix + name, help, labelNames, registers }),
    histogram: <Label extends string>(
      name: string,
      help: string,
      buckets: number[],
      labelNames: Label[] = [],
    ) => new Histogram({ name: prefix + name, help, buckets, labelNames, registers }),
  }
}

type RunSeries = ReturnType<typeof runSeries>

/** How the runs of the schedule went, and what they did. */
function runSeries({ counter, histogram }: SeriesMaker) {
  return {
    runs: counter('runs_total', 'Runs of the schedule, by what began them and their exit code.', [
      'reason',
      'exit_code',
    ]),
    failures: counter('failures_total', 'Runs that took no snapshot, by why.', ['cause']),
    skipped: counter('skipped_runs_total', 'Runs due while the one before was under way.'),
    missed: counter('missed_runs_total', 'Runs due while the host was asleep or too busy.'),
    seconds: histogram('run_duration_seconds', 'How long runs took.', secondsBuckets),
    phaseSeconds: histogram(
      'phase_duration_seconds',
      'How long the phases of runs took.',
      secondsBuckets,
      ['phase'],
    ),
    pauseSeconds: histogram(
      'pause_duration_seconds',
      'For how long containers were paused or stopped for a snapshot.',
      pauseBuckets,
    ),
    warnings: counter('warnings_total', 'Warnings, by their code.', ['code']),
    removed: counter('removed_snapshots_total', 'Snapshots that retention removed after runs.'),
    freed: counter('freed_bytes_total', 'Room that deletions of runs gave back.'),
  }
}

type SnapshotSeries = ReturnType<typeof snapshotSeries>

/** What the snapshots are like that runs took. */
function snapshotSeries({ counter, gauge }: SeriesMaker) {
  return {
    entries: gauge('snapshot_entries', 'Entries of the last snapshot.', ['volume', 'kind']),
    bytes: gauge('snapshot_bytes', 'Apparent size of the last snapshot.', ['volume']),
    addedBytes: counter('added_bytes_total', 'Bytes that snapshots copied.', ['volume']),
    addedFiles: counter('added_files_total', 'Files that snapshots copied.', ['volume']),
  }
}

/** Sets once what stays as it is. */
function setProgramSeries({ gauge }: SeriesMaker, version: string, startedAt: Date): void {
  gauge('build_info', 'The program.', ['version']).set({ version }, 1)
  gauge('start_time_seconds', 'When the daemon was started.').set(startedAt.getTime() / 1000)
}

/** What is so at the time of the scrape. */
function stateSeries({ gauge }: SeriesMaker): (status: StatusDescription) => void {
  const health = gauge('health', 'What status --check says: 0 ok, 1 warning, 2 critical.')
  const stale = gauge('stale', 'Whether a snapshot is overdue.')
  const failures = gauge('failures_in_a_row', 'Runs that failed since the last success.')

  const lastSuccess = gauge('last_success_timestamp_seconds', 'When the last run succeeded.')
  const nextRun = gauge('next_run_timestamp_seconds', 'When the next run is due.')
  const running = gauge('running', 'Whether a run is under way.')

  const count = gauge('snapshots', 'Snapshots in the store.')
  const oldest = gauge('oldest_snapshot_timestamp_seconds', 'When the oldest was taken.')
  const newest = gauge('newest_snapshot_timestamp_seconds', 'When the newest was taken.')

  const lastVerify = gauge('last_verify_timestamp_seconds', 'When stored files were last compared.')
  const damaged = gauge('damaged_snapshots', 'Snapshots with files that are not what they were.')

  const lastProof = gauge('last_proof_timestamp_seconds', 'When a server was last tried on a copy.')
  const isProved = gauge('last_proof_success', 'Whether it became healthy.')

  const freeBytes = gauge('store_free_bytes', 'Free space of the store.')
  const totalBytes = gauge('store_size_bytes', 'Size of the filesystem of the store.')
  const freeInodes = gauge('store_free_inodes', 'Free inodes of the store.')
  const totalInodes = gauge('store_inodes', 'Inodes of the filesystem of the store.')
  const memory = gauge('resident_memory_bytes', 'Memory of the daemon.')

  return (status) => {
    health.set({ ok: 0, warning: 1, critical: 2 }[status.health.level])
    stale.set(Number(status.health.findings.some(({ code }) => code === 'stale')))
    failures.set(status.failuresInARow)

    setTime(lastSuccess, status.lastSuccess?.finishedAt)
    setTime(nextRun, status.nextRun)
    running.set(Number(status.run !== null))

    count.set(status.snapshots.count)
    setTime(oldest, parseSnapshotName(status.snapshots.oldest ?? '')?.toISOString())
    setTime(newest, parseSnapshotName(status.snapshots.newest ?? '')?.toISOString())

    setTime(lastVerify, status.verified.comparedAt)
    damaged.set(Object.keys(status.verified.damaged).length)

    setTime(lastProof, status.lastProof?.at)
    isProved.set(Number(status.lastProof?.outcome === 'proved'))

    freeBytes.set(status.space.freeBytes)
    totalBytes.set(status.space.totalBytes)
    freeInodes.set(status.space.freeInodes)
    totalInodes.set(status.space.totalInodes)
    memory.set(process.memoryUsage.rss())
  }
}

function setTime(gauge: Gauge, time: string | null | undefined): void {
  gauge.set(time === null || time === undefined ? 0 : Date.parse(time) / 1000)
}

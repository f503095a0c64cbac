import prettyBytes from 'pretty-bytes'
import prettyMilliseconds from 'pretty-ms'
import type { StatusDescription } from '../../actions/report/status.ts'
import type { FinishedRun } from '../../store/run-state.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'
import { formatSpan } from './age.ts'
import { formatTable } from './table.ts'

/** What `status` says: the verdict, what led to it, and how it goes. */
export function formatStatus(status: StatusDescription, now: Date): string {
  const { health, daemon, run, writer, lastRun, lastSuccess, nextRun, snapshots } = status
  const rows = [['health', health.level]]
  for (const { level, message } of health.findings)
    rows.push(['', `${level}: ${printable(message)}`])
  rows.push(['daemon', daemon.running ? `runs since ${daemon.startedAt}` : 'does not run'])
  if (run !== null) rows.push(['under way', `a run since ${run.startedAt} (${run.reason})`])

  if (writer !== null) rows.push(['writing', printable(writer)])
  rows.push(['last run', formatRun(lastRun, now)])
  if (lastRun?.outcome === 'failed') rows.push(['last success', formatRun(lastSuccess, now)])
  if (daemon.running) rows.push(['next run', nextRun ?? 'not known yet'])
  rows.push(['snapshots', formatSnapshots(snapshots)], ['space', formatSpace(status)])
  rows.push(['verified', formatVerified(status, now)])
  if (status.lastProof !== null) rows.push(['proved', formatProof(status.lastProof)])
  return formatTable(rows)
}

function formatProof({ snapshot, at, outcome }: NonNullable<StatusDescription['lastProof']>) {
  return `${at} ${outcome === 'proved' ? snapshot : `${snapshot}: failed`}`
}

function formatVerified({ verified }: StatusDescription, now: Date): string {
  const { comparedAt, damaged } = verified
  if (comparedAt === null) return 'never compared'
  const ago = formatSpan(now.getTime() - Date.parse(comparedAt))
  const names = Object.keys(damaged).length
  const found = names === 0 ? '' : `, ${counted(names, '{snapshot|snapshots}')} damaged`
  return `${comparedAt} (${ago} ago)${found}`
}

function formatRun(run: FinishedRun | null, now: Date): string {
  if (run === null) return 'none yet'
  const { startedAt, finishedAt, outcome, snapshot, error } = run
  const ago = formatSpan(now.getTime() - Date.parse(finishedAt))
  const took = prettyMilliseconds(Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt)))
  const what = outcome === 'failed' ? `failed: ${error ?? ''}` : `${outcome}: ${snapshot ?? ''}`
  return printable(`${finishedAt} (${ago} ago, in ${took}) ${what}`)
}

function formatSnapshots({ count, oldest, newest }: StatusDescription['snapshots']): string {
  if (oldest === null || newest === null) return 'none'
  return count === 1 ? `1: ${newest}` : `${count}, from ${oldest} to ${newest}`
}

function formatSpace({ space }: StatusDescription): string {
  const { freeBytes, totalBytes, freeInodes, totalInodes } = space
  const bytes = `${prettyBytes(freeBytes)} of ${prettyBytes(totalBytes)} free`
  return totalInodes === 0
    ? bytes
    : `${bytes}, ${((freeInodes / totalInodes) * 100).toFixed(0)} % of the inodes`
}

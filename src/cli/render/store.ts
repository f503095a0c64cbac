import prettyMilliseconds from 'pretty-ms'
import type { StoreDescription } from '../../actions/describe-store.ts'
import { printable } from '../../system/printable.ts'
import { formatTable } from './table.ts'

/** What `show -a` says above the list. */
export function formatStore(description: StoreDescription, now: Date): string {
  const { directory, config, snapshots } = description
  const rows = [['store', printable(directory)]]
  for (const { id, path, landsIn, engine, engineReason } of config?.volumes ?? []) {
    rows.push([`volume ${id}`, `${printable(path)} -> ${printable(landsIn)}`])
    rows.push(['', `engine ${engine} (${printable(engineReason)})`])
  }
  if (config !== undefined) {
    rows.push(['schedule', printable(`${config.cron} (${config.timeZone})`)])
    rows.push(['next run', formatNextRun(description, now)])
    rows.push(['retention', `the newest ${config.maxSnapshots} and the pinned ones`])
  }
  rows.push(['snapshots', String(snapshots.length)])
  return `${formatTable(rows)}\n`
}

function formatNextRun({ daemon }: StoreDescription, now: Date): string {
  if (!daemon.running) return 'none: no daemon runs ("snap-volume start" does)'
  if (daemon.nextRun === null) return 'not known yet'
  const inMs = new Date(daemon.nextRun).getTime() - now.getTime()
  return inMs < 0
    ? `${daemon.nextRun} (under way)`
    : `${daemon.nextRun} (in ${prettyMilliseconds(inMs, { compact: true })})`
}

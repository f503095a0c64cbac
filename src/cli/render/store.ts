import type {
  ConsumerDescription,
  ConsumersDescription,
} from '../../actions/consumers/describe-consumers.ts'
import type { StoreConfigDescription, StoreDescription } from '../../actions/report/store.ts'
import { describeKeepPolicy } from '../../retention/keep-rules.ts'
import { printable } from '../../system/printable.ts'
import { isAhead } from './is-ahead.ts'
import { formatExclude } from './snapshot.ts'
import { formatSpan } from './age.ts'
import { formatTable } from './table.ts'

/** What `show -a` says above the list. */
export function formatStore(
  description: StoreDescription,
  { consumers, unknown }: ConsumersDescription,
  now: Date,
): string {
  const { directory, config, snapshots } = description
  const rows = [['store', printable(directory)]]
  for (const { id, path, storedAs, engine, engineReason, exclude } of config?.volumes ?? []) {
    rows.push([`volume ${id}`, `${printable(path)} -> ${printable(storedAs)}`])
    rows.push(['', `engine ${engine} (${printable(engineReason)})`])
    if (exclude.length > 0) rows.push(['', formatExclude(exclude)])
  }

  if (config !== undefined) {
    rows.push(['schedule', printable(`${config.cron} (${config.timeZone})`)])
    rows.push(['next run', formatNextRun(description, now)])
    if (config.checksumCron !== '') {
      const cron = printable(`${config.checksumCron} (${config.timeZone})`)
      rows.push(['checksum', `${cron}, compares all contents`])
    }
    rows.push(['retention', formatRetention(config)])
  }

  if (unknown !== undefined) rows.push(['consumers', `not known: ${printable(unknown)}`])
  for (const consumer of consumers) rows.push(...consumerRows(consumer))
  rows.push(['snapshots', formatCount(snapshots, now)])
  return `${formatTable(rows)}\n`
}

function formatRetention({ maxSnapshots, keep }: StoreConfigDescription): string {
  const what = keep === undefined ? `the newest ${maxSnapshots}` : `${describeKeepPolicy(keep)},`
  return `${what} and the pinned ones`
}

function formatCount(snapshots: StoreDescription['snapshots'], now: Date): string {
  const future = snapshots.filter((record) => isAhead(record, now)).length
  const others = future === 0 ? '' : `, and ${future} of the future`
  return `${snapshots.length - future}${others}`
}

function consumerRows({
  name,
  state,
  volumes,
  writes,
  quiesce,
  hooks,
  problems,
}: ConsumerDescription): string[][] {
  const held = { none: 'left alone', pause: 'paused', stop: 'stopped' }[quiesce]
  const withHooks = hooks.length === 0 ? '' : `, hooks ${hooks.join(', ')}`

  return [
    [
      `consumer ${printable(name)}`,
      `${printable(state)}, ${writes ? 'writes' : 'reads'} ${volumes.join(', ')}; ${held} for a snapshot${withHooks}`,
    ],
    ...problems.map((problem) => ['', `warning: ${printable(problem)}`]),
  ]
}

function formatNextRun({ daemon }: StoreDescription, now: Date): string {
  if (!daemon.running) return 'none: no daemon runs ("snap-volume start" does)'
  if (daemon.nextRun === null) return 'not known yet'
  const inMs = new Date(daemon.nextRun).getTime() - now.getTime()
  return inMs < 0 ? `${daemon.nextRun} (under way)` : `${daemon.nextRun} (in ${formatSpan(inMs)})`
}

import prettyBytes from 'pretty-bytes'
import type { RestoreOptions } from '../../actions/restore/decide.ts'
import type { RestoreResult } from '../../actions/restore/restore-held.ts'
import type { RestorePlan } from '../../actions/restore/restore.ts'
import type { RestoreAction } from '../../copy/engine.ts'
import { nobodyIsStopped } from '../../actions/restore/leave-running.ts'
import { keepsNothing } from '../../actions/restore/safety-snapshot.ts'
import type { RestoredElsewhere } from '../../actions/restore/restore-elsewhere.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'
import { formatWriters } from './writers.ts'

const mostLines = 50

/** What a restore would do: counts, and the first entries of each volume. */
export function formatRestorePlan(plan: RestorePlan): string {
  const { snapshot, withoutSafety, leavesRunning, writers, volumes } = plan
  const planned = volumes
    .map(({ id, path, from, paths, counts, steps, omittedSteps, keptMounts }) => {
      const shown = steps.slice(0, mostLines)
      const more = steps.length - shown.length + omittedSteps
      const count = (action: RestoreAction): number =>
        steps.filter((step) => step.action === action).length

      return [
        `${id}: ${describePlace(path, paths)} would become as ${describeSource(from, paths)} in ${snapshot}`,
        omittedSteps === 0
          ? `  ${count('create')} to create, ${count('change')} to change, ${count('attributes')} of other attributes, ${count('delete')} to delete; ${prettyBytes(counts.bytes)} to write`
          : `  more than ${steps.length} entries differ; ${prettyBytes(counts.bytes)} to write`,
        ...keptMounts.map((mount) => `  left alone, another filesystem: ${printable(mount)}`),
        ...shown.map((step) => `  ${step.action.padEnd(10)} ${printable(step.path)}`),
        ...(more === 0 ? [] : [`  and ${more} more; --dry-run --json lists them`]),
        '',
      ].join('\n')
    })
    .join('')

  const lines = [
    ...(withoutSafety ? [`WARNING: ${keepsNothing}`] : []),
    ...(leavesRunning ? [sentence(nobodyIsStopped)] : formatWriters(writers)),
  ]
  return [planned, ...lines.map((line) => `${line}\n`)].join('')
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** A volume, or some of it. */
function describePlace(path: string, paths: readonly string[] | undefined): string {
  if (paths === undefined) return printable(path)
  const [first = '', ...others] = paths
  const more =
    others.length === 0 ? '' : ` and ${counted(others.length, '{other path|other paths}')}`
  return printable(`${path}/${first}${more}`)
}

function isSeveral(paths: readonly string[] | undefined): boolean {
  return paths !== undefined && paths.length > 1
}

/** What it was in the snapshot. */
function describeSource(from: string | undefined, paths: readonly string[] | undefined): string {
  if (from !== undefined) return `the volume ${from} was`
  return isSeveral(paths) ? 'they were' : 'it was'
}

/** What a restore did, what it left, and the way back. */
export function formatRestored(
  { snapshot, safety, leavesRunning, volumes, warnings }: RestoreResult,
  { keepNewer, noDelete }: Pick<RestoreOptions, 'keepNewer' | 'noDelete'> = {},
): string {
  const exceptions = (id: string): string => {
    const left = [
      ...(keepNewer === true ? ['--keep-newer leaves'] : []),
      ...(noDelete === true ? ['--no-delete leaves'] : []),
      ...(warnings.some(({ volume }) => volume === id) ? ['the warnings name'] : []),
    ]
    return left.length === 0 ? '' : `, but for what ${left.join(' and what ')}`
  }
  return [
    ...(leavesRunning ? [sentence(nobodyIsStopped)] : []),
    ...volumes.map(
      ({ id, path, from, paths, counts }) =>
        `${id}: ${describePlace(path, paths)} ${isSeveral(paths) ? 'are' : 'is'} as ${describeSource(from, paths)} in ${snapshot}${exceptions(id)} (${counts.created} created, ${counts.changed} changed, ${counts.deleted} deleted)`,
    ),
    safety === null
      ? 'Nothing of what it replaced is kept (--without-safety): "snap-volume restore --undo" cannot go back.'
      : `What it replaced is kept as ${safety}; "snap-volume restore --undo" goes back.`,
    '',
  ].join('\n')
}

/** What was written to another place, or would be. */
export function formatElsewhere({ snapshot, volumes }: RestoredElsewhere, dryRun: boolean): string {
  return volumes
    .map(({ id, path, paths, files, bytes }) => {
      const what = `${counted(files, '{file|files}')}, ${prettyBytes(bytes)}`
      const verb = dryRun ? 'would be' : isSeveral(paths) ? 'are' : 'is'
      return `${id}: ${describePlace(path, paths)} ${verb} as ${describeSource(undefined, paths)} in ${snapshot} (${what})\n`
    })
    .join('')
}

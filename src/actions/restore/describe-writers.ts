import type { Consumer } from '../../docker/consumers.ts'
import { isUp, planRestoreStop } from '../../docker/quiesce-plan.ts'
import { OperationError } from '../../errors.ts'
import type { RecordWarning } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'
import type { FoundConsumers } from '../consumers/find-consumers.ts'
import type { OpenFiles, Writers } from '../writers.ts'
import { counted } from '../../system/counted.ts'

/**
 * Lists the containers that may write during a restore. Open files are added later (use-check.ts).
 */
export function describeWriters(
  { config }: Pick<ActionContext, 'config'>,
  { consumers, unknown }: Pick<FoundConsumers, 'consumers' | 'unknown'>,
): Writers {
  const steps = planRestoreStop(consumers)
  const containers = consumers.filter(isUp).map(({ id, name, state, writes }) => ({
    name,
    state,
    writes,
    action: steps.find(({ consumer }) => consumer.id === id)?.action ?? ('none' as const),
  }))
  if (unknown === undefined) return { containers }

  const elsewhere = config.hasDockerApi
    ? '; the sidecar of this store can reach the Docker API, and stops and starts them itself: run the restore there ("docker exec SIDECAR snap-volume restore ...")'
    : ''
  return { containers, unknown: `${unknown}${elsewhere}` }
}

/**
 * Whether a look for open files makes sense. A container that keeps running has files open by
 * right, so the look would always refuse.
 */
export function canAskForFiles(consumers: readonly Consumer[], areStopped: boolean): boolean {
  const stopped = planRestoreStop(consumers).filter(({ action }) => action === 'stop')
  const stoppedIds = new Set(stopped.map(({ consumer }) => consumer.id))
  return consumers.filter(isUp).every(({ id }) => areStopped && stoppedIds.has(id))
}

/** Adds up the results of several volumes. */
export function sumOpenFiles(all: readonly (OpenFiles & { id: string })[]): OpenFiles {
  const sum = (count: (one: OpenFiles) => number): number =>
    all.reduce((total, one) => total + count(one), 0)
  const why = all.find((one) => one.why !== undefined)?.why

  return {
    asked: sum(({ asked }) => asked),
    open: sum(({ open }) => open),
    paths: all.flatMap(({ id, paths }) => paths.map((path) => `${id}/${path}`)),
    unknown: sum(({ unknown }) => unknown),
    ...(why === undefined ? {} : { why }),
  }
}

/** Throws OperationError where files are open. */
export function assertNotInUse({ open, asked, paths }: OpenFiles): void {
  if (open === 0) return
  const some = paths.slice(0, mostNamed).join(', ')
  throw new OperationError(
    `nothing was restored, because ${open} of the ${counted(asked, '{file that was|files that were} asked')} ${open === 1 ? 'is' : 'are'} open (${some}${open > mostNamed ? ', ...' : ''}): something uses the data, such as a container that runs or is paused;`,
    { fix: 'stop it, or use --force' },
  )
}

const mostNamed = 3

/** The warning when --force restores files that are open. */
export function warnOfUse({ open, paths }: OpenFiles): RecordWarning[] {
  if (open === 0) return []
  const message = counted(
    open,
    '{file was|files were} open while {it was|they were} restored: restart whatever has {it|them} open, before it overwrites {it|them} with what it remembers',
  )
  return [{ code: 'in-use', message, paths }]
}

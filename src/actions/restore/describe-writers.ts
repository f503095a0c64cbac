import type { Consumer } from '../../docker/consumers.ts'
import { isUp, planRestoreStop } from '../../docker/quiesce-plan.ts'
import { OperationError } from '../../errors.ts'
import type { RecordWarning } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'
import type { FoundConsumers } from '../consumers/find-consumers.ts'
import type { OpenFiles, Writers } from '../writers.ts'
import { counted } from '../../system/counted.ts'

/** The part of it that is known without a look at files. */
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
    ? '; the sidecar of this store has it, and stops and starts them: run this there ("docker exec SIDECAR snap-volume restore ...")'
    : ''
  return { containers, unknown: `${unknown}${elsewhere}` }
}

/**
 * Whether what is open can be asked: whoever runs and is not stopped may have files open, and
 * should.
 */
export function canAskForFiles(consumers: readonly Consumer[], isHeld: boolean): boolean {
  const stopped = planRestoreStop(consumers).filter(({ action }) => action === 'stop')
  const names = new Set(stopped.map(({ consumer }) => consumer.id))
  return consumers.filter(isUp).every(({ id }) => isHeld && names.has(id))
}

/** Several volumes as one. */
export function addUp(all: readonly (OpenFiles & { id: string })[]): OpenFiles {
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
    { fix: 'stop it, or say --force' },
  )
}

const mostNamed = 3

/** For what is restored nevertheless. */
export function warnOfUse({ open, paths }: OpenFiles): RecordWarning[] {
  if (open === 0) return []
  const message = counted(
    open,
    '{file was|files were} open while {it was|they were} restored: start whatever has {it|them} open again, before it writes what it remembers',
  )
  return [{ code: 'in-use', message, paths }]
}

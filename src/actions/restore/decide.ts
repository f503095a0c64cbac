import type { VolumeSpec } from '../../config/volume-spec.ts'
import { OperationError } from '../../errors.ts'
import { type Snapshot, findDamaged, findSnapshot, readCatalog } from '../../store/catalog.ts'
import { resolveReference } from '../../store/references.ts'
import {
  type RestoreJournal,
  explainInterruptedRestore,
  readInterruptedRestore,
  readRestoreJournal,
} from '../../store/restore-journal.ts'
import { assertVolumesMounted } from '../check-volumes.ts'
import type { ActionContext } from '../context.ts'
import { type RestoreTarget, checkTargets } from './targets.ts'

export type RestoreOptions = ({ undo: true } | { undo: false; reference: string }) & {
  /** Ids of the volumes to restore; empty for all. */
  volumes: readonly string[]
  /** The configured volumes that they go into, in the same order, where those have other IDs. */
  as?: readonly string[]
  /** The snapshot that a plan showed; another one is refused. */
  expected?: string
  /** Compare all contents, also where nothing can have changed. */
  readAll: boolean
  /** Also where files are open. */
  force?: boolean
  /** Keep nothing of what it replaces. */
  withoutSafety?: boolean
}

/** Which snapshot goes where. */
export interface ResolvedRestore {
  snapshot: Snapshot
  targets: RestoreTarget[]
}

/** Finds the snapshot and the volumes that are meant, and refuses what could not be restored. */
export function resolveRestore(context: ActionContext, options: RestoreOptions): ResolvedRestore {
  const resolved = findDecision(context, options)
  assertVolumesMounted(resolved.targets, context.inImage)
  if (options.expected !== undefined && resolved.snapshot.name !== options.expected) {
    throw new OperationError(
      `the plan was for ${options.expected}, and now it would be ${resolved.snapshot.name}`,
      { fix: 'look at the plan again' },
    )
  }

  return resolved
}

function findDecision(context: ActionContext, options: RestoreOptions): ResolvedRestore {
  const { store, config, clock } = context
  const catalog = readCatalog(store)
  const interrupted = readInterruptedRestore(store)
  if (!options.undo) {
    const snapshot = resolveReference(catalog, options.reference, clock.now())
    const targets = checkTargets(store, config.volumes, snapshot, options.volumes, options.as)
    if (interrupted !== undefined && !hasSameVolumes(interrupted, targets)) {
      throw explainInterruptedRestore(interrupted)
    }
    return { snapshot, targets }
  }

  const journal = readRestoreJournal(store)
  if (journal === undefined) {
    throw new OperationError('there is no restore to undo: this store has seen none')
  }

  const wayBack = interrupted?.undo === true ? interrupted.snapshot : journal.safety
  if (wayBack === null) throw nothingKept(journal)
  const damaged = findDamaged(catalog, wayBack)
  const snapshot = findSnapshot(catalog, wayBack) ?? damaged?.snapshot
  if (snapshot === undefined) {
    const why =
      damaged === undefined ? 'is not in the store any more' : `is damaged: ${damaged.problem}`
    throw new OperationError(`the restore cannot be undone: ${wayBack}, what it replaced, ${why}`)
  }

  assertSamePaths(journal, config.volumes, store.restoreJournal)
  const ids = journal.volumes.map(({ id }) => id)
  return { snapshot, targets: checkTargets(store, config.volumes, snapshot, ids) }
}

function nothingKept(journal: RestoreJournal): OperationError {
  const { snapshot, startedAt, finishedAt } = journal
  if (finishedAt === null) {
    const { problem, fix } = explainInterruptedRestore(journal)
    return new OperationError(`the restore cannot be undone: ${problem}`, { fix })
  }

  return new OperationError(
    `the restore of ${snapshot} of ${startedAt} cannot be undone: it was made with --without-safety, which keeps nothing of what it replaces;`,
    { fix: 'restore a snapshot by its name, see "snap-volume show"' },
  )
}

/** The way back leads to where the restore was, not to where a volume of that name is now. */
function assertSamePaths(
  { volumes, safety, finishedAt }: RestoreJournal,
  configured: readonly VolumeSpec[],
  journalFile: string,
): void {
  for (const { id, path } of volumes) {
    const now = configured.find((volume) => volume.id === id)?.path
    if (now === path) continue

    const wayOn =
      finishedAt === null
        ? `start it as ${id}:${path} again; where those data are gone for good, move ${journalFile} away`
        : `restore ${safety} by its name, with --volume, where it belongs`
    throw new OperationError(
      `the restore cannot be undone: it was into ${path} (${id}), and ${now === undefined ? `there is no volume ${id} now` : `${id} is ${now} now`};`,
      { fix: wayOn },
    )
  }
}

/**
 * Wherever they are now: data of which a part was restored and that were left behind need not be
 * made whole.
 */
function hasSameVolumes({ volumes }: RestoreJournal, targets: readonly RestoreTarget[]): boolean {
  const [before, now] = [volumes, targets].map((all) => all.map(({ id }) => id).toSorted())
  return before?.join() === now?.join()
}

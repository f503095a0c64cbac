import type { VolumeSpec } from '../../config/volume-spec.ts'
import { OperationError } from '../../errors.ts'
import { type Snapshot, findDamaged, findSnapshot, readCatalog } from '../../store/catalog.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { resolveReference } from '../../store/references.ts'
import {
  type RestoreJournal,
  explainInterruptedRestore,
  readInterruptedRestore,
  readRestoreJournal,
} from '../../store/restore-journal.ts'
import type { BytePath } from '../../tree/byte-path.ts'
import { unescapePath } from '../../tree/escaped-path.ts'
import { Selection } from '../../tree/selection.ts'
import { assertVolumesMounted } from '../check-volumes.ts'
import type { ActionContext } from '../context.ts'
import { assertReachable } from './assert-reachable.ts'
import { choosePaths } from './choose-paths.ts'
import { type RestoreTarget, checkTargets } from './targets.ts'

export type RestoreOptions = ({ undo: true } | { undo: false; reference: string }) & {
  /** Ids of the volumes to restore; empty for all. */
  volumes: readonly string[]
  /** The configured volumes that they go into, in the same order, where those have other IDs. */
  as?: readonly string[]
  /** Only these, as people write them; empty for all. They name their volumes themselves. */
  paths?: readonly string[]
  /** The same of each volume by its ID, as a restore that was cut off had found them. */
  only?: ReadonlyMap<string, readonly BytePath[]>
  /** Files that were changed after the snapshot's stay as they are. */
  keepNewer?: boolean
  /** What the snapshot does not have stays. */
  noDelete?: boolean
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

/**
 * Finds the snapshot, the volumes and the paths that are meant, and refuses what could not be
 * restored.
 */
export async function resolveRestore(
  context: ActionContext,
  options: RestoreOptions,
): Promise<ResolvedRestore> {
  const resolved = await findDecision(context, options)
  assertVolumesMounted(resolved.targets, context.inImage)
  for (const target of resolved.targets) assertReachable(target)
  if (options.expected !== undefined && resolved.snapshot.name !== options.expected) {
    throw new OperationError(
      `the plan was for ${options.expected}, and now it would be ${resolved.snapshot.name}`,
      { fix: 'look at the plan again' },
    )
  }

  return resolved
}

async function findDecision(
  context: ActionContext,
  options: RestoreOptions,
): Promise<ResolvedRestore> {
  const { store, config, clock } = context
  const catalog = readCatalog(store)
  const interrupted = readInterruptedRestore(store)
  if (!options.undo) {
    const snapshot = resolveReference(catalog, options.reference, clock.now())
    const targets = await findTargets(context, options, snapshot)
    if (interrupted !== undefined && !makesWhole(interrupted, targets, options)) {
      throw explainInterruptedRestore(interrupted)
    }
    return { snapshot, targets }
  }

  const journal = readRestoreJournal(store)
  if (journal === undefined) {
    throw new OperationError('there is no restore to undo, because this store has seen none', {
      fix: 'name a snapshot to restore, see "snap-volume show"',
    })
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
  const wanted = journal.volumes.map(({ id }) => id)
  const targets = checkTargets(store, config.volumes, snapshot, wanted)
  return { snapshot, targets: targets.map((target) => ({ ...target, ...onlyIn(journal, target) })) }
}

/** The paths of a volume that a restore was of; none where it was of all. */
export function onlyIn(
  { volumes }: RestoreJournal,
  { id }: Pick<RestoreTarget, 'id'>,
): Pick<RestoreTarget, 'only'> {
  const paths = volumes.find((volume) => volume.id === id)?.paths
  return paths === undefined ? {} : { only: paths.map(unescapePath) }
}

/** The volumes that are named, or those that the paths are in. */
async function findTargets(
  { store, config, signal }: ActionContext,
  { volumes, as, paths = [], only }: RestoreOptions,
  snapshot: Snapshot,
): Promise<RestoreTarget[]> {
  if (paths.length === 0) {
    const targets = checkTargets(store, config.volumes, snapshot, volumes, as)
    return targets.map((target) => ({ ...target, only: only?.get(target.id) }))
  }

  const chosen = await choosePaths({ config, signal }, snapshot, { volumes, as, paths })
  const [from, into] = [chosen.map((one) => one.from), chosen.map(({ id }) => id)]
  return checkTargets(store, config.volumes, snapshot, from, into).map((target) => ({
    ...target,
    only: chosen.find(({ id }) => id === target.id)?.only,
  }))
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
 * Whether a restore into these volumes leaves nothing of the mixture that one which was cut off
 * left: wherever they are now. Data of which a part was restored and that were left behind need not
 * be made whole.
 */
function makesWhole(
  journal: RestoreJournal,
  targets: readonly RestoreTarget[],
  { keepNewer = false, noDelete = false }: RestoreOptions,
): boolean {
  if (idsOf(journal.volumes) !== idsOf(targets)) return false
  if ((keepNewer && journal.keepNewer !== true) || (noDelete && journal.noDelete !== true)) {
    return false
  }
  return targets.every((target) => {
    if (target.only === undefined) return true
    const { only: before } = onlyIn(journal, target)
    const now = new Selection(target.only)
    return before?.every((path) => now.covers(path)) === true
  })
}

function idsOf(all: readonly { id: string }[]): string {
  return all
    .map(({ id }) => id)
    .toSorted()
    .join(' ')
}

/** What finishes a restore that was cut off. Throws OperationError where there is none. */
export function optionsToContinue(
  store: StoreLayout,
  others: Pick<RestoreOptions, 'readAll' | 'force' | 'withoutSafety'>,
): RestoreOptions {
  const journal = readInterruptedRestore(store)
  if (journal === undefined) {
    throw new OperationError('there is no restore to continue, because none was cut off', {
      fix: 'name a snapshot to restore, see "snap-volume show"',
    })
  }

  const { snapshot, undo, volumes, safety, keepNewer = false, noDelete = false } = journal
  const common = { ...others, withoutSafety: others.withoutSafety === true || safety === null }
  if (undo) return { undo, volumes: [], ...common }
  return {
    undo,
    reference: snapshot,
    volumes: volumes.map(({ id, from = id }) => from),
    as: volumes.map(({ id }) => id),
    only: new Map(
      volumes.flatMap(({ id, paths }) =>
        paths === undefined ? [] : [[id, paths.map(unescapePath)]],
      ),
    ),
    keepNewer,
    noDelete,
    ...common,
  }
}

import { OperationError, failureCauseOf, messageOf } from '../../errors.ts'
import { readCatalog } from '../../store/catalog.ts'
import { futureFirst } from '../../store/future.ts'
import { syncFilesystem } from '../../store/durable.ts'
import type { RestoreJournal } from '../../store/restore-journal.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import type { ActionContext, WriterContext } from '../context.ts'
import type { VolumeCopy } from '../snapshot/copy-volume.ts'
import { findBase } from '../snapshot/find-base.ts'
import { type Hold, alreadyQuiesced } from '../consumers/hold.ts'
import type { ResolvedRestore, RestoreOptions } from './decide.ts'
import type { RestoreTarget } from './targets.ts'
import { writeSnapshot } from '../snapshot/take-snapshot.ts'
import { identify } from '../snapshot/volume-identity.ts'

/** Said before a restore that keeps nothing. */
export const keepsNothing =
  'no safety snapshot is taken: what the restore replaces or deletes is gone for good where no snapshot has it, and "snap-volume restore --undo" cannot go back'

/** What is known of the data that a restore is about to replace. */
export interface Safety {
  /** The snapshot of them; null where nobody wanted one. */
  name: string | null
  copies: readonly VolumeCopy[]
  /**
   * Where there is none: what did not change since then (ns since 1970) is deleted when it is
   * replaced.
   */
  discardBefore?: bigint
}

/**
 * Takes the snapshot of what a restore replaces, unless nobody wants one.
 * Throws OperationError when there can be none; where the store is full, that names the way out.
 */
export async function takeSafety(
  context: WriterContext,
  { withoutSafety = false }: RestoreOptions,
  { snapshot, targets }: ResolvedRestore,
  hold: Hold,
): Promise<Safety> {
  if (withoutSafety) return discardAll(targets, hold)
  try {
    const { record, copies } = await writeSnapshot(
      context,
      {
        kind: 'safety',
        comment: `before the restore of ${snapshot.name}`,
        labels: { 'before-restore': snapshot.name },
        allowEmpty: true,
        exact: true,
        hold: alreadyQuiesced(hold),
      },
      targets,
    )
    return { name: record.name, copies }
  } catch (error) {
    if (failureCauseOf(error) !== 'space') throw error
    const { problem, fix } =
      error instanceof OperationError ? error : { problem: messageOf(error), fix: undefined }
    const other =
      'restore with --without-safety, which keeps nothing of what it replaces and cannot be undone'
    throw new OperationError(
      `nothing was restored, because what it replaces has no room: ${problem};`,
      { cause: error, fix: fix === undefined ? other : `${fix}; or ${other}` },
    )
  }
}

async function discardAll(targets: readonly RestoreTarget[], hold: Hold): Promise<Safety> {
  const discardBefore = BigInt(Date.now()) * 1_000_000n
  // what is dirty and mapped has moved no ctime yet, and would be taken for unchanged
  for (const { path } of targets) await syncFilesystem(path)
  await hold.assertStopped()
  return { name: null, copies: [], discardBefore }
}

/**
 * For the journal: which volumes were restored without a safety snapshot, those of restores before
 * included, until there is one of them.
 */
export function listUnsaved(
  { store, clock }: ActionContext,
  before: RestoreJournal | undefined,
  targets: readonly RestoreTarget[],
  { name }: Safety,
): Pick<RestoreJournal, 'unsaved'> {
  const others = (before?.unsaved ?? []).filter(({ id }) => targets.every((one) => one.id !== id))
  const catalog = futureFirst(readCatalog(store), clock.now())
  const added = (name === null ? targets : []).flatMap(({ id, path }) => {
    using directory = openDirectory(path)
    const newest = findBase(catalog, { id, root: identify(directory) }).snapshot?.name
    return newest === undefined ? [] : { id, newest }
  })

  const unsaved = [...others, ...added]
  return unsaved.length === 0 ? {} : { unsaved }
}

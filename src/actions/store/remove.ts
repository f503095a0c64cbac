import { OperationError } from '../../errors.ts'
import {
  type Catalog,
  type DamagedSnapshot,
  type Snapshot,
  findDamaged,
  readCatalog,
} from '../../store/catalog.ts'
import { snapshotsOfClones } from '../../store/clones.ts'
import { discardPrelinked } from '../../store/prelinked.ts'
import { resolveReference } from '../../store/references.ts'
import { readRestoreJournal } from '../../store/restore-journal.ts'
import { moveToTrash } from '../../store/trash.ts'
import { type ActionContext, asWriter } from '../context.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { logged } from '../log-act.ts'
import { tellRemoved } from './find-candidates.ts'

export interface RemovalPlan {
  snapshots: {
    name: string
    /** What one should know before it goes, such as that it is the newest of a volume. */
    notes: string[]
  }[]
}

/** What `removeSnapshots` would remove; changes nothing. Throws what that would. */
export function planRemoval(context: ActionContext, references: readonly string[]): RemovalPlan {
  const catalog = readCatalog(context.store)
  const chosen = chooseSnapshots(context, catalog, references)
  const names = new Set(chosen.map(({ name }) => name))

  return {
    snapshots: chosen.map(({ name }) => ({
      name,
      notes: describeLoss(context, catalog, names, name),
    })),
  }
}

/**
 * Removes these snapshots, wherever they are in the row; the others keep their files. A crash
 * leaves each whole or gone. Throws OperationError for one that is pinned, or that a restore needs:
 * none is removed then.
 */
export async function removeSnapshots(
  context: ActionContext,
  references: readonly string[],
): Promise<RemovalPlan> {
  return logged(
    context,
    { act: 'remove' },
    async () =>
      asWriter(context, 'remove', async ({ store }) => {
        const plan = planRemoval(context, references)
        const removals = plan.snapshots.map(({ name }) => ({
          name,
          keep: false,
          reason: 'asked for',
        }))
        try {
          // whoever asks for it wants the space
          await discardPrelinked(store)
          await moveToTrash(
            store,
            removals.map(({ name }) => `${store.directory}/${name}`),
          )
        } catch (error) {
          const where = { ...inStore(store.directory), whenFull: 'free space there first' }
          throw await explainFailure(error, where, 'not all of them are removed')
        } finally {
          tellRemoved(context, removals)
        }
        return plan
      }),
    ({ snapshots }) => ({ removed: snapshots.map(({ name }) => name) }),
  )
}

function chooseSnapshots(
  { store, clock }: ActionContext,
  catalog: Catalog,
  references: readonly string[],
): (Snapshot | DamagedSnapshot)[] {
  const journal = readRestoreJournal(store)
  const needed = journal?.finishedAt === null ? [journal.snapshot, journal.safety] : []

  const cloned = snapshotsOfClones(store)

  const chosen = references.map((reference) => {
    const damaged = findDamaged(catalog, reference)
    const snapshot =
      damaged?.snapshot ?? damaged ?? resolveReference(catalog, reference, clock.now())
    if (needed.includes(snapshot.name)) {
      throw new OperationError(`${snapshot.name} is not removed: a restore needs it`, {
        fix: 'finish that restore, or undo it',
      })
    }
    if ('record' in snapshot && snapshot.record.pinned) {
      throw new OperationError(`${snapshot.name} is not removed: it is pinned`, {
        fix: `run "snap-volume annotate ${snapshot.name} --unpin" first`,
      })
    }
    const clone = cloned.get(snapshot.name)
    if (clone !== undefined) {
      throw new OperationError(`${snapshot.name} is not removed: ${clone}`, {
        fix: 'run "snap-volume clone remove" or "clone flatten" on that clone first',
      })
    }
    return snapshot
  })
  return [...new Map(chosen.map((one) => [one.name, one])).values()]
}

function describeLoss(
  { store }: ActionContext,
  { snapshots }: Catalog,
  removed: ReadonlySet<string>,
  name: string,
): string[] {
  const left = snapshots.filter((one) => !removed.has(one.name))
  const volumes = snapshots.find((one) => one.name === name)?.record.volumes ?? []
  const last = volumes.filter(
    ({ id }) => !left.some(({ record }) => record.volumes.some((volume) => volume.id === id)),
  )
  const isWayBack = readRestoreJournal(store)?.safety === name

  return [
    ...last.map(({ id }) => `no snapshot of ${id} is left then`),
    ...(isWayBack ? ['restore --undo goes back to it, and cannot then'] : []),
  ]
}

import type { VolumeRequest } from '../../docker/volumes.ts'
import { readCatalog } from '../../store/catalog.ts'
import type { SnapshotRecord } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'
import { removeSnapshots } from '../store/remove.ts'
import { snapshotClone } from './snapshot-clone.ts'

/** The label of a snapshot that is there for one command only, with the name of the clone. */
const temporaryLabel = 'temporary'

/**
 * Runs `work` with a snapshot of what a clone holds, which is removed again, and with it those that
 * killed commands left.
 */
export async function withSnapshotOfClone<T>(
  context: ActionContext,
  name: string,
  { comment, volume }: { comment: string; volume?: VolumeRequest },
  work: (snapshot: SnapshotRecord) => Promise<T>,
): Promise<T> {
  await removeLeft(context, name)
  const labels = { [temporaryLabel]: name }
  const snapshot = await snapshotClone(context, name, {
    comment,
    labels,
    ...(volume && { volume }),
  })
  try {
    return await work(snapshot)
  } finally {
    await removeSnapshots(context, [snapshot.name])
  }
}

async function removeLeft(context: ActionContext, name: string): Promise<void> {
  const left = readCatalog(context.store).snapshots.filter(
    ({ record: { kind, labels } }) => kind === 'clone' && labels[temporaryLabel] === name,
  )
  if (left.length > 0)
    await removeSnapshots(
      context,
      left.map((one) => one.name),
    )
}

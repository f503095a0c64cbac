import { OperationError } from '../../errors.ts'
import type { SnapshotRecord } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'
import { findClient } from './docker-volume.ts'
import { findClone } from './find-source.ts'
import { usersOf } from './list-clones.ts'
import { snapshotClone } from './snapshot-clone.ts'

/** In which a container writes nothing. */
const idleStates = ['created', 'exited', 'dead']

/**
 * Makes the snapshot of a clone that a restore then makes live. Throws OperationError while a
 * container that runs may still write the clone.
 */
export async function snapshotToPromote(
  context: ActionContext,
  name: string,
): Promise<SnapshotRecord> {
  findClone(context, name)
  const client = await findClient(context)
  const users = client === undefined ? [] : await usersOf(client, name)
  const running = users.filter(({ state }) => !idleStates.includes(state)).map((user) => user.name)
  if (running.length > 0) {
    throw new OperationError(
      `the clone ${name} is not promoted: ${running.join(', ')} writes it;`,
      {
        fix: `run "docker stop ${running.join(' ')}" first`,
      },
    )
  }
  return snapshotClone(context, name, { comment: `promoted from the clone ${name}` })
}

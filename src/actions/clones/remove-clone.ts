import { OperationError } from '../../errors.ts'
import { type CloneRecord, isCloneName, placesOf, readClone } from '../../store/clones.ts'
import { moveToTrash } from '../../store/trash.ts'
import { type ActionContext, asWriter } from '../context.ts'
import { logged } from '../log-act.ts'
import { findClient, findStoreOnHost, ownerOfVolume, volumeRequestOf } from './docker-volume.ts'
import { usersOf } from './list-clones.ts'
import { endReaders } from './run-beside.ts'

/**
 * What removing a clone takes away. Throws OperationError where there is none of that name, where a
 * container has it, and where nobody can say that.
 */
export async function planCloneRemoval(
  context: ActionContext,
  name: string,
  force: boolean,
): Promise<CloneRecord> {
  const clone = isCloneName(name) ? readClone(context.store, name) : undefined
  if (clone === undefined) {
    throw new OperationError(`there is no clone ${name}`, { fix: 'see "snap-volume clone list"' })
  }

  const client = await findClient(context)
  if (client === undefined) {
    if (force) return clone
    throw new OperationError(
      `the clone ${name} is not removed: without the Docker API nobody knows who uses it;`,
      { fix: `run "docker volume rm ${name}", then this again with --force` },
    )
  }

  const users = await usersOf(client, name)
  if (users.length > 0) {
    const names = users.map((user) => user.name)
    throw new OperationError(`the clone ${name} is not removed: ${names.join(', ')} has it;`, {
      fix: `run "docker rm -f ${names.join(' ')}" first, if they are not needed`,
    })
  }
  return clone
}

/**
 * Removes a clone with its Docker volume, also one that is not finished. The volume goes first: a
 * crash leaves a clone without one, which can be removed again.
 */
export async function removeClone(
  context: ActionContext,
  name: string,
  force: boolean,
): Promise<CloneRecord> {
  return logged(
    context,
    { act: 'remove', kind: 'clone' },
    async () =>
      asWriter(context, 'remove a clone', async ({ store }) => {
        const clone = await planCloneRemoval(context, name, force)
        const client = await findClient(context)
        if (client !== undefined) await endReaders(client, name)
        const request = volumeRequestOf((await findStoreOnHost(context, client)).store, clone)
        const isOurs = client !== undefined && (await ownerOfVolume(client, request)) === 'clone'
        if (isOurs && !(await client.volumes.remove(name))) {
          throw new OperationError(`the clone ${name} is not removed: a container has it now`, {
            fix: 'see "snap-volume clone list"',
          })
        }
        await moveToTrash(store, [placesOf(store, name).directory])
        return clone
      }),
    ({ snapshot, volume }) => ({ snapshot, volumes: [volume] }),
  )
}

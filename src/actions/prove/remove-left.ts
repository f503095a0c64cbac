import { OperationError } from '../../errors.ts'
import type { DockerClient } from '../../docker/client.ts'
import { listProofs, placesOf } from '../../store/clones.ts'
import { acquireLock, findHolder } from '../../store/lock.ts'
import { moveToTrash } from '../../store/trash.ts'
import { cloneLabel, findClient } from '../clones/docker-volume.ts'
import { type ActionContext, asWriter } from '../context.ts'

/** The label of a container that `prove` started, with the path of the store on the host. */
export const proofLabel = 'snap-volume.proof'

/**
 * Removes what a killed `prove` left: containers, Docker volumes, clones. Where one is under way
 * nothing is done. What cannot be removed is told of, and stays for the next time.
 */
export async function removeLeftProofs(context: ActionContext): Promise<void> {
  const { store, emit } = context
  if (listProofs(store).length === 0 || (await findHolder(store.proveLock)) !== undefined) return
  try {
    const lock = await acquireLock(store.proveLock, { timeoutMs: 0, purpose: 'cleaning up' })
    try {
      await removeProofs(context)
    } finally {
      lock.release()
    }
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    const message = `what a proof that was cut off left is not removed yet: ${error.message}`
    emit({ type: 'warning', code: 'left-proof', message })
  }
}

/** The same by whoever holds the lock of `prove`. */
export async function removeProofs(context: ActionContext): Promise<void> {
  const proofs = listProofs(context.store)
  if (proofs.length === 0) return
  const client = await findClient(context)
  // whoever has the Docker API finds by them what there is to stop
  if (client === undefined) return
  await removeContainers(client, new Set(proofs))

  // also when the proof was interrupted
  const whole = { ...context, signal: undefined }
  await asWriter(whole, 'removing a proof', async ({ store }) => {
    for (const name of proofs) {
      const isOurs = (await client.volumes.labelsOf(name))?.[cloneLabel] !== undefined
      if (isOurs && !(await client.volumes.remove(name))) continue
      await moveToTrash(store, [placesOf(store, name).directory])
    }
  })
}

async function removeContainers(client: DockerClient, volumes: ReadonlySet<string>): Promise<void> {
  for (const { id, labels, mounts } of await client.listContainers()) {
    const isOfProof = mounts.some(({ volume }) => volume !== undefined && volumes.has(volume))
    if (labels[proofLabel] !== undefined && isOfProof) await client.containers.remove(id)
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { OperationError, throwIfInterrupted } from '../../errors.ts'
import type { DockerClient } from '../../docker/client.ts'
import type { VolumeRequest } from '../../docker/volumes.ts'
import type { CloneRecord } from '../../store/clones.ts'
import type { ActionContext } from '../context.ts'
import { findOwn } from '../consumers/find-consumers.ts'
import { findClient, ownerOfVolume } from './docker-volume.ts'

const longestMs = 24 * 60 * 60 * 1000

/** The label of the containers that read an overlay, with the name of the clone. */
const helperLabel = 'snap-volume.reads-clone'

/** Where the volume of a clone is mounted for a program that has to read an overlay. */
export function mountOfClone(name: string): string {
  return `/mnt/snap-volume-clone/${name}`
}

/**
 * Runs a command of ours in a container of our own image that has our mounts and the clone: what an
 * overlay shows can be read where Docker mounts it only. Gives the exit code and the end of what it
 * printed. Throws OperationError that names the command to run by hand where that cannot be.
 */
export async function runBesideClone(
  context: ActionContext,
  { name }: CloneRecord,
  words: readonly string[],
  volume: VolumeRequest,
): Promise<{ exitCode: number; output: string }> {
  const byHand = `docker run --rm --volumes-from SIDECAR -v ${name}:${mountOfClone(name)} snap-volume ${words.join(' ')}`
  const cannot = (why: string): OperationError =>
    new OperationError(`the clone ${name} is an overlay, which Docker has to mount, and ${why};`, {
      fix: `run "${byHand}"`,
    })

  const client = await findClient(context)
  if (client === undefined) throw cannot('there is no Docker API')
  const { store, inImage, signal } = context
  const own = findOwn(await client.listContainers(), [store.directory], inImage)
  const info = own && (await client.containers.describe(own.id))
  if (own === undefined || info === undefined) throw cannot('this is no container of the image')
  // Docker would make an empty one
  if ((await ownerOfVolume(client, volume)) !== 'clone') {
    throw new OperationError(`the Docker volume of the clone ${name} is gone`, {
      fix: `"snap-volume clone list" has the command that makes it`,
    })
  }

  const { CapAdd, CapDrop, SecurityOpt } = info.HostConfig
  const id = await client.containers.create({
    Image: info.Image,
    Cmd: [...words],
    Env: info.Config.Env.filter((line) => !line.startsWith('SNAP_HOST=')),
    Labels: { [helperLabel]: name },
    HostConfig: {
      VolumesFrom: [own.id],
      Binds: [`${volume.name}:${mountOfClone(name)}:ro`],
      NetworkMode: 'none',
      CapAdd,
      CapDrop,
      SecurityOpt,
    },
  })
  try {
    await client.start(id)
    const exitCode = await client.containers.wait(id, longestMs)
    throwIfInterrupted(signal)
    return { exitCode, output: await client.containers.output(id) }
  } finally {
    await client.containers.remove(id)
  }
}

/** Whether a container is one of ours that reads a clone, by its labels. */
export function isReader(labels: Readonly<Record<string, string>>): boolean {
  return labels[helperLabel] !== undefined
}

/** Whoever started one that has ended takes it away within this time, unless it was killed. */
const takenAwayMs = 2000

/**
 * Waits for the containers that read a clone, and removes those whose command was killed: they end
 * by themselves, and stay.
 */
export async function endReaders(client: DockerClient, name: string): Promise<void> {
  for (const { id, state, labels } of await client.listContainers()) {
    if (labels[helperLabel] !== name) continue
    if (state === 'running') await client.containers.wait(id, longestMs)
    if (state === 'created' || state === 'removing') continue
    await sleep(takenAwayMs)
    await client.containers.remove(id)
  }
}

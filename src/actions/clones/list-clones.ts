import type { DockerClient } from '../../docker/client.ts'
import { type CloneRecord, readClones } from '../../store/clones.ts'
import type { ActionContext } from '../context.ts'
import { endReaders } from './run-beside.ts'
import {
  cloneLabel,
  findClient,
  findStoreOnHost,
  formatVolumeCommand,
  volumeRequestOf,
} from './docker-volume.ts'

export interface ListedClone extends CloneRecord {
  /** Whether its Docker volume is there; null where there is no Docker API. */
  hasVolume: boolean | null
  /** The containers that have it, running or not. */
  containers: { name: string; state: string }[]
  /** What makes its Docker volume by hand. */
  command: string
}

/** All clones, by name, and who uses them as far as the Docker API tells. */
export async function listClones(context: ActionContext): Promise<ListedClone[]> {
  const clones = readClones(context.store)
  if (clones.length === 0) return []
  const client = await findClient(context)
  const host = await findStoreOnHost(context, client)

  const listed: ListedClone[] = []
  for (const clone of clones) {
    listed.push({
      ...clone,
      hasVolume: client === undefined ? null : await hasVolume(client, clone.name),
      containers: client === undefined ? [] : await usersOf(client, clone.name),
      command: formatVolumeCommand(volumeRequestOf(host.store, clone)),
    })
  }
  return listed
}

/** Whether the Docker volume of that name is the clone's. */
export async function hasVolume(client: DockerClient, name: string): Promise<boolean> {
  return (await client.volumes.labelsOf(name))?.[cloneLabel] !== undefined
}

/** The containers that have the Docker volume of a clone, running or not, once nobody of ours reads it. */
export async function usersOf(
  client: DockerClient,
  volume: string,
): Promise<ListedClone['containers']> {
  await endReaders(client, volume)
  return (await client.listContainers())
    .filter(({ mounts }) => mounts.some((mount) => mount.volume === volume))
    .map(({ name, state }) => ({ name, state }))
}

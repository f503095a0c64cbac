import type { DockerClient } from '../../docker/client.ts'
import { type CloneRecord, readClones } from '../../store/clones.ts'
import type { ActionContext } from '../context.ts'
import { isReader } from './run-beside.ts'
import {
  ownerOfVolume,
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
    const request = volumeRequestOf(host.store, clone)
    listed.push({
      ...clone,
      hasVolume: client === undefined ? null : (await ownerOfVolume(client, request)) === 'clone',
      containers: client === undefined ? [] : await usersOf(client, clone.name),
      command: formatVolumeCommand(request),
    })
  }
  return listed
}

/** The containers that have the Docker volume of a clone, running or not, but for our own that read it. */
export async function usersOf(
  client: DockerClient,
  volume: string,
): Promise<ListedClone['containers']> {
  return (await client.listContainers())
    .filter(({ mounts }) => mounts.some((mount) => mount.volume === volume))
    .filter(({ labels }) => !isReader(labels))
    .map(({ name, state }) => ({ name, state }))
}

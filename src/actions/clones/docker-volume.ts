import { realpathSync } from 'node:fs'
import { OperationError } from '../../errors.ts'
import { hostPathOf } from '../../docker/consumers.ts'
import type { VolumeRequest } from '../../docker/volumes.ts'
import { type CloneRecord, placesOf } from '../../store/clones.ts'
import { type StoreLayout, storeLayout } from '../../store/layout.ts'
import { locationOf, readMounts } from '../../system/mounts.ts'
import { shellWord } from '../../system/shell-word.ts'
import type { ActionContext } from '../context.ts'
import type { DockerClient } from '../../docker/client.ts'
import { findOwn } from '../consumers/find-consumers.ts'

/** The label by which the volume of a clone is known: the store and the snapshot. */
export const cloneLabel = 'snap-volume.clone'

/** The options of mount(8) end at a page, and so do those of Docker's local driver. */
const longestOptions = 4095

/** Where the Engine's host has the store, and whether that is known or guessed. */
export interface StoreOnHost {
  store: StoreLayout
  isKnown: boolean
}

/** The client, where there is a Docker API that answers; else undefined. */
export async function findClient({ docker }: ActionContext): Promise<DockerClient | undefined> {
  return (await docker()).client
}

/**
 * Finds the store's path on the Engine's host. Without a Docker API it is taken from the table of
 * mounts, which says where a directory is in its filesystem, and not where that is mounted. Throws
 * OperationError for a store that is in the container itself.
 */
export async function findStoreOnHost(
  { store, inImage }: ActionContext,
  client: DockerClient | undefined,
): Promise<StoreOnHost> {
  const here = realpathSync(store.directory)
  if (client === undefined) {
    const path = inImage ? locationOf(readMounts(), here)?.path : here
    return { store: storeLayout(path ?? here), isKnown: !inImage }
  }

  const own = findOwn(await client.listContainers(), [here], inImage)
  const path = own === undefined ? here : hostPathOf(here, own)
  if (path === undefined) {
    throw new OperationError(`the store ${here} is in the container itself`, {
      fix: `mount a volume there: -v DIR:${here}`,
    })
  }
  return { store: storeLayout(path), isKnown: true }
}

/** The Docker volume that shows a clone. Throws OperationError where its paths are too long. */
export function volumeRequestOf(host: StoreLayout, clone: CloneRecord): VolumeRequest {
  const { name, method, isFlat, snapshot, volume } = clone
  const { data, upper, work } = placesOf(host, name)
  const labels = { [cloneLabel]: `${host.directory}/${snapshot}/${volume}` }
  if (method !== 'overlay' || isFlat) {
    return { name, labels, options: { type: 'none', device: data, o: 'bind' } }
  }

  const options = [
    `lowerdir=${escapeOption(`${host.directory}/${snapshot}/${volume}`)}`,
    `upperdir=${escapeOption(upper)}`,
    `workdir=${escapeOption(work)}`,
    // link groups hold together, directories can be renamed, chown copies no contents
    'index=on,redirect_dir=on,metacopy=on',
  ].join(',')
  if (Buffer.byteLength(options) > longestOptions) {
    throw new OperationError(`the path of the store is too long for an overlay: ${host.directory}`)
  }
  return { name, labels, options: { type: 'overlay', device: 'overlay', o: options } }
}

/**
 * Whose Docker volume has a name: the clone's by its label, which names store, snapshot and volume;
 * that of somebody else; or nobody's.
 */
export async function ownerOfVolume(
  client: DockerClient,
  { name, labels }: Pick<VolumeRequest, 'name' | 'labels'>,
): Promise<'clone' | 'other' | 'nobody'> {
  const found = await client.volumes.labelsOf(name)
  if (found === undefined) return 'nobody'
  return found[cloneLabel] === labels[cloneLabel] ? 'clone' : 'other'
}

/**
 * Makes the Docker volume of a clone. Throws OperationError where somebody else has made one of that
 * name, which Docker would hand out instead.
 */
export async function createVolume(client: DockerClient, request: VolumeRequest): Promise<void> {
  if ((await ownerOfVolume(client, request)) === 'nobody') await client.volumes.create(request)
  if ((await ownerOfVolume(client, request)) === 'clone') return
  throw notOurs(request.name)
}

/** False where a container has it. Throws OperationError for one that is not the clone's. */
export async function removeVolume(client: DockerClient, request: VolumeRequest): Promise<boolean> {
  const owner = await ownerOfVolume(client, request)
  if (owner === 'other') throw notOurs(request.name)
  return owner === 'nobody' || (await client.volumes.remove(request.name))
}

function notOurs(name: string): OperationError {
  return new OperationError(`the Docker volume ${name} is not of the clone ${name}`, {
    fix: 'rename or remove that volume, if it is not needed, then try again',
  })
}

/** What overlayfs takes for an end of a path (ovl_next_opt and ovl_split_lowerdirs in the kernel). */
function escapeOption(path: string): string {
  return path.replaceAll(/[\\:,]/g, String.raw`\$&`)
}

/** The same as a command line. */
export function formatVolumeCommand({ name, labels, options }: VolumeRequest): string {
  return [
    'docker volume create --driver local',
    ...pairWords('--opt', options),
    ...pairWords('--label', labels),
    shellWord(name),
  ].join(' ')
}

function pairWords(option: string, pairs: Readonly<Record<string, string>>): string[] {
  return Object.entries(pairs).map(([key, value]) => `${option} ${shellWord(`${key}=${value}`)}`)
}

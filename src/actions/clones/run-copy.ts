import { OperationError } from '../../errors.ts'
import type { DockerClient } from '../../docker/client.ts'
import { findConsumers } from '../../docker/consumers.ts'
import { type ContainerCopy, copyContainer } from '../../docker/copy-container.ts'
import { formatRun } from '../../docker/format-run.ts'
import type { ActionContext } from '../context.ts'
import { locateVolumes } from '../consumers/find-consumers.ts'
import { findClient, findStoreOnHost } from './docker-volume.ts'
import { findSource } from './find-source.ts'

export interface CopyRequest {
  /** A snapshot, or a clone. */
  reference: string
  volume: string | undefined
  /** The clone that the copy is to have. */
  clone: string
  /** The container; undefined where one only writes the volume. */
  container: string | undefined
}

/** A copy of a consumer on a clone, which does not run yet. */
export interface CopyPlan extends ContainerCopy {
  client: DockerClient
  /** The container that it is a copy of. */
  of: string
  /** What makes and starts it by hand. */
  command: string
}

/**
 * Finds the container that writes a volume, and says how a copy of it on a clone is made: the same
 * image, environment and command, no network and no ports. Throws OperationError where there is none,
 * or more than one and none is named.
 */
export async function planCopy(
  context: ActionContext,
  { reference, volume, clone, container }: CopyRequest,
): Promise<CopyPlan> {
  const client = await findClient(context)
  if (client === undefined) {
    throw new OperationError('there is no Docker API, so nobody knows whom to copy', {
      fix: `run the image of your server with -v ${clone}:PATH --network none`,
    })
  }

  if ((await client.containers.describe(`${clone}-copy`)) !== undefined) {
    throw new OperationError(`there is a container ${clone}-copy already`, {
      fix: 'remove it, or choose another name for the clone',
    })
  }
  const { config, inImage } = context
  const source = findSource(context, reference, volume)
  const specs = config.volumes.filter(({ id }) => id === source.volume)
  const { others, onHost } = await locateVolumes(client, specs, inImage)
  const writers = findConsumers(others, onHost).filter(
    ({ name, writes }) => writes && (container === undefined || name === container),
  )
  const [writer, ...more] = writers
  if (writer === undefined || more.length > 0) {
    const names = writers.map(({ name }) => name).join(', ')
    throw new OperationError(
      writer === undefined
        ? `no container ${container ?? ''} writes the volume ${source.volume}`
        : `${names} write the volume ${source.volume}`,
      { fix: 'name one with --container NAME' },
    )
  }

  const info = await client.containers.describe(writer.id)
  if (info === undefined) throw new OperationError(`the container ${writer.name} is gone`)
  const copy = copyContainer(info, {
    name: `${clone}-copy`,
    labels: { 'snap-volume.copy-of': writer.name },
    clones: new Map([[source.volume, clone]]),
    volumes: onHost,
    store: (await findStoreOnHost(context, client)).store.directory,
    limits: { memoryBytes: 0, processes: 0 },
  })
  return { ...copy, client, of: writer.name, command: formatRun(copy.options) }
}

/** Makes and starts it; gives its name. */
export async function startCopy({ client, options }: CopyPlan): Promise<string> {
  await client.start(await client.containers.create(options))
  return options.name ?? ''
}

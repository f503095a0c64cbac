import { OperationError } from '../../errors.ts'
import type { DockerClient } from '../../docker/client.ts'
import { type Consumer, type VolumeOnHost, findConsumers } from '../../docker/consumers.ts'
import type { ContainerInfo } from '../../docker/containers.ts'
import type { Snapshot } from '../../store/catalog.ts'
import type { ActionContext } from '../context.ts'
import { locateVolumes } from '../consumers/find-consumers.ts'

/** A container of which a copy can be asked whether it is healthy. */
export interface Provable {
  consumer: Consumer
  info: ContainerInfo
  hasHealthcheck: boolean
}

export interface Provables {
  provables: Provable[]
  onHost: VolumeOnHost[]
}

/**
 * The containers that write volumes of the snapshot, and say by what they are healthy: by a health
 * check, or by the label snap-volume.prove. Throws OperationError where there is none.
 */
export async function chooseConsumers(
  { config, inImage }: ActionContext,
  client: DockerClient,
  { name, record }: Snapshot,
): Promise<Provables> {
  const held = config.volumes.filter(({ id }) => record.volumes.some((one) => one.id === id))
  const { others, onHost } = await locateVolumes(client, held, inImage)
  const writers = findConsumers(others, onHost).filter(({ writes }) => writes)
  if (writers.length === 0) {
    throw new OperationError(
      `no container has the volumes of ${name}, so none can be proved with`,
      {
        fix: 'start the application once; it may be stopped then',
      },
    )
  }

  const provables: Provable[] = []
  for (const consumer of writers) {
    const info = await client.containers.describe(consumer.id)
    const test = info?.Config.Healthcheck?.Test ?? []
    const hasHealthcheck = test.length > 0 && test[0] !== 'NONE'
    if (info === undefined || (!hasHealthcheck && consumer.policy.prove === undefined)) continue
    provables.push({ consumer, info, hasHealthcheck })
  }
  if (provables.length === 0) {
    const names = writers.map((one) => one.name).join(', ')
    throw new OperationError(`nothing tells whether a copy of ${names} is healthy`, {
      fix: 'give it a HEALTHCHECK, or the label snap-volume.prove with a command that succeeds then',
    })
  }
  return { provables, onHost }
}

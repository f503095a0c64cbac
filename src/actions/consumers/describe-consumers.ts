import { planQuiesce } from '../../docker/quiesce-plan.ts'
import type { ActionContext } from '../context.ts'
import { listConsumers } from './find-consumers.ts'

/** A container that mounts data of ours, for people. */
export interface ConsumerDescription {
  name: string
  state: string
  volumes: string[]
  writes: boolean
  /** What a snapshot does with it. */
  quiesce: 'none' | 'pause' | 'stop'
  /** The points at which a hook of it runs. */
  hooks: string[]
  problems: string[]
}

export interface ConsumersDescription {
  consumers: ConsumerDescription[]
  /** Why nobody can say; undefined where the Docker API did. */
  unknown: string | undefined
}

/**
 * The consumers of the configured volumes, and what a snapshot does with each.
 * Throws OperationError when there is a Docker API and it does not tell.
 */
export async function describeConsumers(
  context: Pick<ActionContext, 'config' | 'docker' | 'inImage'>,
): Promise<ConsumersDescription> {
  const { client, missing } = await context.docker()
  if (client === undefined) return { consumers: [], unknown: missing }

  const consumers = await listConsumers(client, context.config.volumes, context.inImage)
  const steps = planQuiesce(consumers, context.config.quiesce)

  return {
    unknown: undefined,
    consumers: consumers.map((consumer) => ({
      name: consumer.name,
      state: consumer.state,
      volumes: consumer.volumes,
      writes: consumer.writes,
      quiesce: steps.find((step) => step.consumer === consumer)?.action ?? 'none',
      hooks: Object.keys(consumer.policy.hooks),
      problems: consumer.policy.problems,
    })),
  }
}

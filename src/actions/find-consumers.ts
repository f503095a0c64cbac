import { realpathSync } from 'node:fs'
import { hostname } from 'node:os'
import type { VolumeSpec } from '../config/volume-spec.ts'
import { OperationError, isNotFound } from '../errors.ts'
import type { RecordWarning } from '../store/record.ts'
import type { ActionContext } from './context.ts'
import type { Container, DockerClient } from '../docker/client.ts'
import {
  type Consumer,
  type VolumeOnHost,
  findConsumers,
  findOwnContainer,
  hostPathOf,
} from '../docker/consumers.ts'
import { type Mount, readMounts } from '../system/mounts.ts'

export interface FoundConsumers {
  client: DockerClient | undefined
  consumers: Consumer[]
  warnings: RecordWarning[]
}

/**
 * The consumers as far as they can be known: without the API everything else works; where SNAP_QUIESCE asks for it, a warning says
 * that it was not there.
 */
export async function lookForConsumers(
  { docker, config, emit }: ActionContext,
  volumes: readonly VolumeSpec[],
): Promise<FoundConsumers> {
  const isAskedFor = config.quiesce !== 'none'
  const without = (why: string): FoundConsumers => {
    const message = `${why}: SNAP_QUIESCE=${config.quiesce} was not done`
    return {
      client: undefined,
      consumers: [],
      warnings: isAskedFor ? [{ code: 'docker', message }] : [],
    }
  }
  const { client, missing } = await docker()
  if (client === undefined) return without(missing)
  try {
    const consumers = await listConsumers(client, volumes)
    const warnings = consumers.flatMap(({ name, policy }) =>
      policy.problems.map((problem) => ({
        code: 'label',
        message: `the container ${name}: ${problem}`,
      })),
    )
    return { client, consumers, warnings }
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    if (!isAskedFor) emit({ type: 'warning', code: 'docker', message: error.message })
    return without(error.message)
  }
}

/**
 * The containers that mount data of `volumes`, running or not. Throws OperationError when the Docker API does not list
 * them.
 */
export async function listConsumers(
  client: DockerClient,
  volumes: readonly VolumeSpec[],
): Promise<Consumer[]> {
  const containers = await client.listContainers()
  const own = findOwnContainer(containers, rootsOfOwnFiles(readMounts()), hostname())
  return own === undefined
    ? findConsumers(containers.map(withRealPaths), volumes.map(onThisHost))
    : findConsumers(
        containers.filter(({ id }) => id !== own.id),
        volumes.flatMap(({ id, path }) => {
          const hostPath = hostPathOf(path, own)
          return hostPath === undefined ? [] : [{ id, hostPath }]
        }),
      )
}

/** Docker mounts /etc/hostname and the like from a directory that is named for the container. */
function rootsOfOwnFiles(mounts: readonly Mount[]): string[] {
  return mounts.filter(({ mountPoint }) => mountPoint.startsWith('/etc/')).map(({ root }) => root)
}

function onThisHost({ id, path }: VolumeSpec): VolumeOnHost {
  return { id, hostPath: realPath(path) }
}

/** A bind mount keeps the words it was asked for with, which may lead through links. */
function withRealPaths(container: Container): Container {
  return {
    ...container,
    mounts: container.mounts.map((mount) => ({ ...mount, source: realPath(mount.source) })),
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    if (isNotFound(error)) return path
    throw error
  }
}

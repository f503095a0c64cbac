import { realpathSync } from 'node:fs'
import { hostname } from 'node:os'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { OperationError, isNotFound } from '../../errors.ts'
import type { RecordWarning } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'
import type { DockerClient } from '../../docker/client.ts'
import type { Container } from '../../docker/describe-container.ts'
import {
  type Consumer,
  type VolumeOnHost,
  findConsumers,
  findOwnContainer,
  hostPathOf,
} from '../../docker/consumers.ts'
import { UnreachableError } from '../../docker/call.ts'
import { type Mount, readMounts } from '../../system/mounts.ts'

export interface FoundConsumers {
  client: DockerClient | undefined
  consumers: Consumer[]
  warnings: RecordWarning[]
  /** Why nobody can say; undefined where the Docker API did. */
  unknown: string | undefined
}

/**
 * The consumers as far as they can be known: without the API everything else works; where
 * SNAP_QUIESCE asks for it, a warning says that it was not there. Throws OperationError for a
 * restore when there is an API and it does not tell: it would write under whoever is not known.
 */
export async function lookForConsumers(
  { docker, config, inImage, emit }: ActionContext,
  kind: 'snapshot' | 'restore',
  volumes: readonly VolumeSpec[],
): Promise<FoundConsumers> {
  const isAskedFor = config.quiesce !== 'none'
  const without = (why: string): FoundConsumers => {
    const message = `${why}: SNAP_QUIESCE=${config.quiesce} was not done`
    return {
      client: undefined,
      consumers: [],
      unknown: why,
      warnings: isAskedFor ? [{ code: 'docker', message }] : [],
    }
  }

  const { client, missing, isAskedFor: isApiAskedFor } = await docker()
  if (client === undefined) return without(missing)

  try {
    const consumers = await listConsumers(client, volumes, inImage)
    const warnings = consumers.flatMap(({ name, policy }) =>
      policy.problems.map((problem) => ({
        code: 'label',
        message: `the container ${name}: ${problem}`,
      })),
    )
    return { client, consumers, warnings, unknown: undefined }
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    // in a container somebody has mounted the socket
    const isNoEngine = error instanceof UnreachableError && !isApiAskedFor && !inImage
    if (kind === 'restore' && !isNoEngine) {
      throw new OperationError(
        `nothing was restored, because nobody can say who writes the data: ${error.message};`,
        {
          cause: error,
          fix: 'put that right, or stop them yourself and run it where no Docker API is',
        },
      )
    }

    if (!isAskedFor) emit({ type: 'warning', code: 'docker', message: error.message })
    return without(error.message)
  }
}

/**
 * The containers that mount data of `volumes`, running or not. Throws OperationError when the
 * Docker API does not list them.
 */
export async function listConsumers(
  client: DockerClient,
  volumes: readonly VolumeSpec[],
  inImage: boolean,
): Promise<Consumer[]> {
  const { others, onHost } = await locateVolumes(client, volumes, inImage)
  return findConsumers(others, onHost)
}

/** Where the Engine has the volumes, and all containers but this one. */
export async function locateVolumes(
  client: DockerClient,
  volumes: readonly VolumeSpec[],
  inImage: boolean,
): Promise<{ others: Container[]; onHost: VolumeOnHost[] }> {
  const containers = await client.listContainers()
  const paths = volumes.map(({ path }) => path)
  const own = findOwn(containers, paths, inImage)
  if (own === undefined) {
    return { others: containers.map(withRealPaths), onHost: volumes.map(onThisHost) }
  }

  const onHost = volumes.flatMap(({ id, path }) => {
    const hostPath = hostPathOf(path, own)
    return hostPath === undefined ? [] : [{ id, hostPath }]
  })
  return { others: containers.filter(({ id }) => id !== own.id), onHost }
}

/**
 * The container this process is in; undefined outside of any. Throws OperationError where it is in
 * one that the Docker API does not have.
 */
export function findOwn(
  containers: readonly Container[],
  paths: readonly string[],
  inImage: boolean,
): Container | undefined {
  const own = findOwnContainer(containers, rootsOfOwnFiles(readMounts()), hostname(), paths)
  if (own === undefined && inImage) {
    throw new OperationError(
      'the container that this runs in is not among those of the Docker API, so nobody can say what its volumes are there',
      { fix: 'run an image with the label snap-volume.sidecar=true' },
    )
  }
  return own
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
  if (path === '') return path
  try {
    return realpathSync(path)
  } catch (error) {
    if (isNotFound(error)) return path
    throw error
  }
}

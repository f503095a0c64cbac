import { isInside } from '../system/mounts.ts'
import type { Container } from './describe-container.ts'
import { type ConsumerPolicy, readPolicy } from './labels.ts'

/** The image of this program has it: a sidecar mounts the data too, and is no consumer. */
const ownLabel = 'snap-volume.sidecar'

/** A container that mounts data of ours. */
export interface Consumer {
  id: string
  name: string
  /** As Docker says it: `running`, `paused`, `exited` and so on. */
  state: string
  /** Whether it can write them; one that only reads needs not be held. */
  writes: boolean
  /** The ids of the volumes it mounts. */
  volumes: string[]
  policy: ConsumerPolicy
}

/** Where a volume is for the Engine. */
export interface VolumeOnHost {
  id: string
  hostPath: string
}

/**
 * Those of `containers` that mount a directory of `volumes`, one above or one below, whatever they
 * are called and however the mount came about (bind, named volume, --volumes-from).
 */
export function findConsumers(
  containers: readonly Container[],
  volumes: readonly VolumeOnHost[],
): Consumer[] {
  return containers.flatMap((container) => {
    if (isSidecar(container)) return []
    const shared = container.mounts.flatMap(({ source, writable }) =>
      volumes
        .filter(({ hostPath }) => isShared(source, hostPath))
        .map(({ id }) => ({ id, writable })),
    )
    if (shared.length === 0) return []

    return [
      {
        id: container.id,
        name: container.name,
        state: container.state,
        writes: shared.some(({ writable }) => writable),
        volumes: [...new Set(shared.map(({ id }) => id))],
        policy: readPolicy(container.labels),
      },
    ]
  })
}

function isShared(source: string, hostPath: string): boolean {
  return source !== '' && (isInside(source, hostPath) || isInside(hostPath, source))
}

/**
 * Where the Engine has what this process sees at `path`; undefined for what is in the container
 * itself, or in memory.
 */
export function hostPathOf(path: string, own: Container): string | undefined {
  const mount = own.mounts
    .filter(({ destination }) => isInside(path, destination))
    .toSorted((one, other) => other.destination.length - one.destination.length)[0]
  if (mount === undefined || mount.source === '') return undefined

  const below = mount.destination === '/' ? path : path.slice(mount.destination.length)
  return `${mount.source}${below}`
}

/**
 * The container this process is in, by what Docker mounts into each: files of a directory named for
 * it. In the network of another container these are of that one, which is no sidecar; then it is
 * the sidecar that has all of `paths` mounted.
 */
export function findOwnContainer(
  containers: readonly Container[],
  mountRoots: readonly string[],
  hostname: string,
  paths: readonly string[],
): Container | undefined {
  const sidecars = containers.filter(isSidecar)
  const id = mountRoots
    .map((root) => /containers\/([0-9a-f]{64})\//.exec(root)?.[1])
    .find((found) => found !== undefined)
  const named = sidecars.find((container) =>
    id === undefined
      ? /^[0-9a-f]{12}$/.test(hostname) && container.id.startsWith(hostname)
      : container.id === id,
  )
  if (named !== undefined) return named

  return sidecars.find(
    (container) =>
      container.state === 'running' &&
      paths.every((path) => hostPathOf(path, container) !== undefined),
  )
}

function isSidecar({ labels }: Container): boolean {
  return labels[ownLabel] === 'true'
}

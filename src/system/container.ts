import { existsSync } from 'node:fs'
import { type Mount, isInside, mountOf } from './mounts.ts'

/** Docker makes the first one, podman and CRI-O the second one. */
const markers = ['/.dockerenv', '/run/.containerenv']

/**
 * What their storage drivers mount as /; the others bind a directory of the host's filesystem,
 * which has a root of its own.
 */
const layeredTypes = ['overlay', 'fuse.fuse-overlayfs', 'aufs', 'zfs']

/** In each container the runtime mounts its own on these. */
const runtimeDirectories = ['/dev', '/proc', '/sys']

/**
 * Whether what is at `path` is the container's own, and goes with it: nobody mounted a volume
 * there, nor above it. Never true outside of a container. `inImage` says that this is one; else
 * there is a marker, and / is of a kind that containers have: virtual machines that are made of an
 * image have the marker too.
 */
export function isOwnOfContainer(
  path: string,
  inImage: boolean,
  mounts: readonly Mount[],
  hasMarker = markers.some((file) => existsSync(file)),
): boolean {
  const mount = mountOf(mounts, path)
  if (mount === undefined || !(inImage || (hasMarker && isContainerRoot(mounts)))) return false
  const { mountPoint } = mount
  return mountPoint === '/' || runtimeDirectories.some((own) => isInside(mountPoint, own))
}

function isContainerRoot(mounts: readonly Mount[]): boolean {
  const root = mountOf(mounts, '/')
  return root !== undefined && (root.root !== '/' || layeredTypes.includes(root.type))
}

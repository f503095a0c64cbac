import { readFileSync } from 'node:fs'

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  mountPoint: string
  /** The directory of the filesystem that is mounted here; `/` unless it is a bind mount. */
  root: string
  /** major:minor, which is one for all mounts of a filesystem. */
  device: string
  type: string
  readOnly: boolean
}

/** Where a path is, whatever bind mount it is reached through. */
export interface Location {
  device: string
  path: string
}

export function readMounts(file = '/proc/self/mountinfo'): Mount[] {
  return parseMounts(readFileSync(file, 'utf8'))
}

export function parseMounts(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseMount)
}

function parseMount(line: string): Mount {
  const [front = '', back = ''] = line.split(' - ', 2)
  const [, , device = '', root = '', mountPoint = '', options = ''] = front.split(' ')
  const [type = '', , superOptions = ''] = back.split(' ')

  return {
    mountPoint: unescapeOctal(mountPoint),
    root: unescapeOctal(root),
    device,
    type,
    readOnly: [...options.split(','), ...superOptions.split(',')].includes('ro'),
  }
}

/** A space and the like in a table of mounts. */
export function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}

/** The mount that `path` (absolute, without symbolic links) is on: the last of the deepest ones. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let found: Mount | undefined
  for (const mount of mounts) {
    if (!isInside(path, mount.mountPoint)) continue
    if (found === undefined || mount.mountPoint.length >= found.mountPoint.length) found = mount
  }
  return found
}

/** The mounts strictly below `path`. */
export function mountsBelow(mounts: readonly Mount[], path: string): Mount[] {
  return mounts.filter((mount) => mount.mountPoint !== path && isInside(mount.mountPoint, path))
}

/**
 * Paths below `directory`, relative to it, where another filesystem is mounted than the one it is
 * on. Of a bind mount of the same one it is not told. Nobody looks at what is mounted: it may be
 * dead, or closed to root.
 */
export function foreignMounts(directory: string): Set<string> {
  const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'latin1'))
  const own = mountOf(mounts, directory)?.device

  return new Set(
    mountsBelow(mounts, directory)
      .filter(({ device }) => device !== own)
      .map(({ mountPoint }) => mountPoint.slice(directory === '/' ? 1 : directory.length + 1)),
  )
}

export function isMountPoint(mounts: readonly Mount[], path: string): boolean {
  return mounts.some((mount) => mount.mountPoint === path)
}

export function locationOf(mounts: readonly Mount[], path: string): Location | undefined {
  const mount = mountOf(mounts, path)
  if (mount === undefined) return undefined
  const below = path.slice(mount.mountPoint === '/' ? 0 : mount.mountPoint.length)
  return { device: mount.device, path: `${mount.root === '/' ? '' : mount.root}${below}` || '/' }
}

/** True when `path` is `directory` or below it; both absolute and normalised. */
export function isInside(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`)
}

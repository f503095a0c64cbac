import { readFileSync } from 'node:fs'
import { type Mount, isInside, isMountPoint, unescapeOctal } from './mounts.ts'

/**
 * The mount point of fstab(5) that `path` is at or below, if nothing is mounted there now; the
 * deepest one decides.
 */
export function findUnmounted(
  path: string,
  mounts: readonly Mount[],
  table = readTable(),
): string | undefined {
  const deepest = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([device = '', field = '']) => (device.startsWith('#') ? '' : unescapeOctal(field)))
    .map((field) => (field.length > 1 ? field.replace(/\/+$/, '') : field))
    .filter((mountPoint) => mountPoint.startsWith('/') && isInside(path, mountPoint))
    .toSorted((one, other) => one.length - other.length)
    .at(-1)
  return deepest === undefined || isMountPoint(mounts, deepest) ? undefined : deepest
}

function readTable(): string {
  try {
    return readFileSync('/etc/fstab', 'utf8')
  } catch {
    return ''
  }
}

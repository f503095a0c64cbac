import type { BytePath } from './byte-path.ts'

/** Programs open all directories above a path anew for each one: so many take no time. */
const quickDepth = 32

const slash = 0x2f

/** Whether a list (NUL after each path) has some for which that takes long. */
export function isDeep(paths: Uint8Array): boolean {
  let depth = 0
  for (const byte of paths) {
    if (byte === slash) depth += 1
    else if (byte === 0) depth = 0
    if (depth > quickDepth) return true
  }
  return false
}

/** The directory from which a path is not deep. */
export function onTheWay(path: BytePath): BytePath {
  const parts = path.split('/')
  return parts.slice(0, Math.floor((parts.length - 1) / quickDepth) * quickDepth).join('/')
}

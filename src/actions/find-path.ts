import { normalize } from 'node:path'
import type { VolumeSpec } from '../config/volume-spec.ts'
import { UsageError } from '../errors.ts'
import { type BytePath, bytePath, displayPath } from '../tree/byte-path.ts'
import { type Excludes, compileExcludes } from '../tree/excludes.ts'
import { PatternError } from '../tree/wildcards.ts'

/** Throws UsageError for a path that is in none of the volumes. */
export function assertPathsInside(paths: readonly string[], volumes: readonly VolumeSpec[]): void {
  const outside = paths.find((path) =>
    volumes.every(({ id, path: root }) => relativeTo(path, id, root) === undefined),
  )
  if (outside === undefined) return
  throw new UsageError(`${outside} is in no volume`, {
    fix: `write it as the application knows it, or as ID:PATH; there are ${volumes.map(({ id, path }) => `${id} at ${path}`).join(', ')}`,
  })
}

/**
 * A path as people write it, below the root of a volume: as the application knows it, as ID:PATH, or
 * relative. Undefined where it is not in that volume, also where it leads out of it by `..`.
 */
export function relativeTo(path: string, id: string, root: string): BytePath | undefined {
  const isNamed = path.startsWith(`${id}:`)
  const named = isNamed ? path.slice(id.length + 1) : normalize(path)
  const below = named.startsWith('/') && !isNamed ? belowRoot(named, root) : named
  if (below === undefined) return undefined

  const relative = normalize(`./${below}`).replace(/^\/+|\/+$/g, '')
  if (relative === '..' || relative.startsWith('../')) return undefined
  return bytePath(relative === '.' ? '' : relative)
}

function belowRoot(path: string, root: string): string | undefined {
  const cut = path.replace(/\/+$/, '')
  if (cut === root) return ''
  return cut.startsWith(`${root}/`) ? cut.slice(root.length + 1) : undefined
}

/**
 * What a pattern of the shell fits, of paths below a root; undefined for a path that is none. Throws
 * UsageError, with what people wrote, for a pattern that nobody can read, and for bytes that were
 * lost on the way here, because they are no UTF-8.
 */
export function readPattern(path: BytePath, written: string): Excludes | undefined {
  if (!/[*?[]/.test(path) && !path.includes(lostByte)) return undefined
  try {
    return compileExcludes([`/${displayPath(path)}`])
  } catch (error) {
    if (!(error instanceof PatternError)) throw error
    throw new UsageError(`${written} fits nothing, because ${error.problem}`, { fix: error.fix })
  }
}

/** What Node makes of an argument's bytes that are no UTF-8. */
const lostByte = bytePath('\ufffd')

/** The volume that a path is in, and where. Throws UsageError for one that is in none. */
export function findPath(
  volumes: readonly VolumeSpec[],
  path: string,
): { volume: VolumeSpec; relative: BytePath } {
  const inSome = volumes.flatMap((volume) => {
    const relative = relativeTo(path, volume.id, volume.path)
    return relative === undefined ? [] : { volume, relative }
  })
  // ID:PATH is of one; a path of the application is of the volume that is mounted deepest
  const found = inSome.toSorted((one, other) => one.relative.length - other.relative.length)[0]
  const isNamed = path.startsWith('/') || volumes.some(({ id }) => path.startsWith(`${id}:`))
  if (found !== undefined && (isNamed || volumes.length === 1)) return found

  throw new UsageError(`${path} is in no volume`, {
    fix: `write it as the application knows it, or as ID:PATH, with ${volumes.map((one) => one.id).join(' or ')}`,
  })
}

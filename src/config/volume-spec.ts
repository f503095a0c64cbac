import { isAbsolute, normalize } from 'node:path'
import { isInside } from '../system/mounts.ts'
import { UsageError } from '../errors.ts'

/** One `UNIQID:path` given to `start`. */
export interface VolumeSpec {
  id: string
  path: string
}

export const volumeIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/**
 * Parses all specs of a `start`.
 * Throws UsageError for a wrong one, for an id given twice, and for paths inside one another.
 */
export function parseVolumeSpecs(texts: readonly string[]): VolumeSpec[] {
  const specs = texts.map(parseVolumeSpec)
  for (const [index, spec] of specs.entries()) {
    for (const other of specs.slice(0, index)) assertApart(other, spec)
  }
  return specs
}

export function parseVolumeSpec(text: string): VolumeSpec {
  const shown = JSON.stringify(text)
  const colon = text.indexOf(':')
  if (colon === -1) {
    throw new UsageError(`${shown} is not a volume`, {
      fix: 'write ID:PATH, such as mysql:/var/lib/mysql',
    })
  }

  const id = text.slice(0, colon)
  if (!volumeIdPattern.test(id)) {
    throw new UsageError(`${JSON.stringify(id)} in ${shown} cannot name a volume`, {
      fix: 'use 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit',
    })
  }

  return { id, path: parsePath(text.slice(colon + 1), shown) }
}

/**
 * Throws UsageError, which names the words that are `shown`, for what is no absolute path of a
 * directory.
 */
export function parsePath(path: string, shown: string): string {
  if (path.includes('\0')) throw new UsageError(`the path in ${shown} contains a NUL byte`)
  if (!isAbsolute(path)) {
    throw new UsageError(`the path in ${shown} must be absolute, such as /var/lib/mysql`)
  }
  if (path.split('/').some((part) => part === '..' || part === '.')) {
    throw new UsageError(`the path in ${shown} must not contain . or ..`, {
      fix: 'write where it leads',
    })
  }

  const trimmed = normalize(path).replace(/\/+$/, '')
  if (trimmed === '') {
    throw new UsageError(`${shown} names the whole filesystem`, { fix: 'name a directory in it' })
  }

  return trimmed
}

function assertApart(one: VolumeSpec, other: VolumeSpec): void {
  if (one.id === other.id) {
    throw new UsageError(`the volume id ${one.id} is given twice`, {
      fix: 'each needs one of its own',
    })
  }
  if (isInside(one.path, other.path) || isInside(other.path, one.path)) {
    throw new UsageError(`${one.id}:${one.path} and ${other.id}:${other.path} overlap`, {
      fix: 'one volume must not contain another',
    })
  }
}

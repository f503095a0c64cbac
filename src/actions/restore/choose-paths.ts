import { join } from 'node:path'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { OperationError, UsageError } from '../../errors.ts'
import type { Snapshot } from '../../store/catalog.ts'
import { type BytePath, bytePath, displayPath } from '../../tree/byte-path.ts'
import { compileExcludes } from '../../tree/excludes.ts'
import { statBelow } from '../../tree/file-below.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { walkTree } from '../../tree/walk-tree.ts'
import type { StoreConfig } from '../context.ts'
import { findPath } from '../find-path.ts'

/** Paths of one volume, and the ID that it has in the snapshot. */
export interface ChosenPaths {
  id: string
  from: string
  /** Below its root. */
  only: BytePath[]
}

/**
 * Finds what people mean by paths, which a snapshot has to have: as the application knows them, or
 * ID:PATH, or a pattern of the shell. Throws OperationError for one that the snapshot has nothing
 * for, UsageError for one that is in no volume, or in none of those that are named.
 */
export async function choosePaths(
  { config, signal }: { config: Pick<StoreConfig, 'volumes'>; signal?: AbortSignal | undefined },
  snapshot: Snapshot,
  asked: {
    volumes: readonly string[]
    as?: readonly string[] | undefined
    paths: readonly string[]
  },
): Promise<ChosenPaths[]> {
  const { volumes, as = volumes, paths } = asked
  const chosen = new Map<string, ChosenPaths>()
  for (const path of paths) {
    const { volume, relative } = findPath(config.volumes, path)
    const at = as.indexOf(volume.id)
    if (as.length > 0 && at === -1) throw notInNamed(path, volume, as)
    const from = volumes[at] ?? volume.id
    if (path === '' || path === `${volume.id}:`) throw isEmptyPath(volume)

    const found = await findInSnapshot(join(snapshot.path, from), relative, signal)
    if (found.length === 0) {
      throw new OperationError(`${snapshot.name} has nothing at ${path}`, {
        fix: `see which snapshots have it with "snap-volume history ${path}"`,
      })
    }
    const before = chosen.get(volume.id)
    if (before === undefined) chosen.set(volume.id, { id: volume.id, from, only: found })
    else before.only.push(...found)
  }
  return [...chosen.values()]
}

/** It would be all of the volume, where a variable of the shell was empty. */
function isEmptyPath({ id }: VolumeSpec): UsageError {
  return new UsageError('a path is empty', { fix: `write ${id}:/ for all of the volume` })
}

function notInNamed(path: string, { id }: VolumeSpec, named: readonly string[]): UsageError {
  return new UsageError(`${path} is in the volume ${id}, and ${named.join(', ')} is named`, {
    fix: 'leave out --volume: a path names its volume',
  })
}

/** A path that is there is no pattern, whatever is in its name. */
async function findInSnapshot(
  root: string,
  path: BytePath,
  signal: AbortSignal | undefined,
): Promise<BytePath[]> {
  using opened = openDirectory(root)
  if (statBelow({ root: bytePath(opened.here), path }) !== undefined) return [path]
  if (!/[*?[]/.test(path)) return []

  const pattern = compileExcludes([`/${displayPath(path)}`])
  const found: BytePath[] = []
  for await (const entry of walkTree(opened.here, signal)) {
    if (pattern.has(entry.path, entry.stat.isDirectory())) found.push(entry.path)
  }
  return found
}

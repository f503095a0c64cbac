import { join } from 'node:path'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { OperationError, UsageError } from '../../errors.ts'
import type { Snapshot } from '../../store/catalog.ts'
import { type BytePath, bytePath } from '../../tree/byte-path.ts'
import { statBelow } from '../../tree/file-below.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { walkTree } from '../../tree/walk-tree.ts'
import type { StoreConfig } from '../context.ts'
import { findPath, readPattern } from '../find-path.ts'

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
    const { volume, relative } = findPath(config.volumes, inTarget(path, volumes, as))
    const at = as.indexOf(volume.id)
    if (as.length > 0 && at === -1) throw notInNamed(path, volume, as, asked.as !== undefined)
    const from = volumes[at] ?? volume.id
    if (path === '' || path === `${volume.id}:` || path === `${from}:`) throw isEmptyPath(volume)

    const found = await findInSnapshot(join(snapshot.path, from), relative, path, signal)
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

/** The ID of a path may be that of the snapshot, where a volume of it goes into another one. */
function inTarget(path: string, volumes: readonly string[], as: readonly string[]): string {
  const id = volumes.find((one) => path.startsWith(`${one}:`))
  if (id === undefined) return path
  const meant = new Set(as.filter((target, index) => [target, volumes[index]].includes(id)))
  const [target, other] = meant
  if (other === undefined) return `${target}${path.slice(id.length)}`

  throw new UsageError(`${path} may go into ${[...meant].join(' or ')}`, {
    fix: 'restore one volume after the other',
  })
}

/** It would be all of the volume, where a variable of the shell was empty. */
function isEmptyPath({ id }: VolumeSpec): UsageError {
  return new UsageError('a path is empty', { fix: `write ${id}:/ for all of the volume` })
}

function notInNamed(
  path: string,
  { id }: VolumeSpec,
  named: readonly string[],
  isAs: boolean,
): UsageError {
  return new UsageError(`${path} is in the volume ${id}, and ${named.join(', ')} is named`, {
    fix: isAs
      ? `it goes into another volume: write ${named[0]}:PATH`
      : 'leave out --volume: a path names its volume',
  })
}

/** A path that is there is no pattern, whatever is in its name. */
async function findInSnapshot(
  root: string,
  path: BytePath,
  written: string,
  signal: AbortSignal | undefined,
): Promise<BytePath[]> {
  using opened = openDirectory(root)
  if (statBelow({ root: bytePath(opened.here), path }) !== undefined) return [path]
  const pattern = readPattern(path, written)
  if (pattern === undefined) return []

  const found: BytePath[] = []
  for await (const entry of walkTree(opened.here, signal)) {
    if (pattern.has(entry.path, entry.stat.isDirectory())) found.push(entry.path)
  }
  return found
}

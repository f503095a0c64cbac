import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArchiveName } from '../../archive/archive-name.ts'
import { OperationError, UsageError, isNotFound } from '../../errors.ts'
import { type Snapshot, findSnapshot, readCatalog } from '../../store/catalog.ts'
import { resolveReference } from '../../store/references.ts'
import type { ActionContext } from '../context.ts'
import { fileSource, readFacts } from './read-archive.ts'

export interface BaseOptions {
  /** A snapshot; undefined for a full archive, or for what `fullEvery` says. */
  since: string | undefined
  /** So many archives a chain may have. */
  fullEvery: number | undefined
  /** Where the archives are; undefined for a stream. */
  directory: string | undefined
}

/** What an archive is an increment to. */
export interface ArchiveBase {
  snapshot: Snapshot | undefined
  /** How many increments it and those before it are. */
  depth: number
  /** Why it is a full archive although an increment was asked for. */
  note?: string
}

const defaultFullEvery = 30
const full: ArchiveBase = { snapshot: undefined, depth: 0 }

/**
 * Finds what the archive of a volume is an increment to: the snapshot that is named, or the newest
 * that has an archive in the directory. A chain that is as long as it may be is begun again.
 */
export async function chooseBase(
  context: ActionContext,
  snapshot: Snapshot,
  volume: string,
  options: BaseOptions,
): Promise<ArchiveBase> {
  const { since, fullEvery = defaultFullEvery } = options
  const base = since === undefined ? undefined : namedBase(context, snapshot, volume, since)
  if (base === undefined && options.fullEvery === undefined) return full

  const found =
    base === undefined
      ? await newestBase(context, snapshot, volume, options)
      : { snapshot: base, depth: await depthOf(context, base, volume, options) }
  if (found === undefined) return full
  if (found.depth + 1 < fullEvery) return { snapshot: found.snapshot, depth: found.depth + 1 }
  return {
    ...full,
    note: `the chain of ${volume} has ${found.depth + 1} archives, so this one is full`,
  }
}

function namedBase(
  { store, clock }: ActionContext,
  snapshot: Snapshot,
  volume: string,
  since: string,
): Snapshot {
  const base = resolveReference(readCatalog(store), since, clock.now())
  if (base.name >= snapshot.name) {
    throw new UsageError(`${base.name} is not older than ${snapshot.name}`, {
      fix: 'name an older snapshot with --since',
    })
  }
  if (!hasVolume(base, volume)) {
    throw new OperationError(`${base.name} does not hold the volume ${volume}`, {
      fix: `leave out --since, or name another volume with --volume`,
    })
  }
  return base
}

function hasVolume({ record }: Snapshot, volume: string): boolean {
  return record.volumes.some(({ id }) => id === volume)
}

/** The newest of which an archive is there, and the snapshot too. */
async function newestBase(
  context: ActionContext,
  snapshot: Snapshot,
  volume: string,
  options: BaseOptions,
): Promise<{ snapshot: Snapshot; depth: number } | undefined> {
  const catalog = readCatalog(context.store)
  const found = archivesIn(options.directory, volume)
    .filter((one) => one.snapshot < snapshot.name)
    .map((one) => findSnapshot(catalog, one.snapshot))
    .findLast((one) => one !== undefined && one.name < snapshot.name && hasVolume(one, volume))
  if (found === undefined) return undefined
  return { snapshot: found, depth: await depthOf(context, found, volume, options) }
}

/** 0 where nobody knows: its archive is elsewhere. */
async function depthOf(
  { signal }: ActionContext,
  base: Snapshot,
  volume: string,
  { directory }: BaseOptions,
): Promise<number> {
  const depths = []
  for (const { name, snapshot } of archivesIn(directory, volume)) {
    if (snapshot !== base.name || directory === undefined) continue
    const { header } = await readFacts(fileSource(join(directory, name)), signal)
    depths.push(header.depth)
  }
  return Math.min(...(depths.length === 0 ? [0] : depths))
}

/** Oldest first. */
export function archivesIn(
  directory: string | undefined,
  volume: string,
): { name: string; snapshot: string }[] {
  if (directory === undefined) return []
  return namesIn(directory)
    .flatMap((name) => {
      const parsed = parseArchiveName(name)
      return parsed?.volume === volume ? { name, snapshot: parsed.snapshot } : []
    })
    .toSorted((one, other) => (one.snapshot < other.snapshot ? -1 : 1))
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}

import { join } from 'node:path'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { type Snapshot, readCatalog } from '../../store/catalog.ts'
import { futureFirst } from '../../store/future.ts'
import { find } from '../../system/find.ts'
import { type BytePath, bytePath, displayPath } from '../../tree/byte-path.ts'
import type { ActionContext } from '../context.ts'
import { readPattern } from '../find-path.ts'

/** A path that ever was, with the snapshots that have it. */
export interface FoundName {
  volume: string
  path: BytePath
  /** A letter, as find(1) has it, where it was seen last. */
  type: string
  /** `live` where no snapshot has it. */
  first: string
  last: string
  /** Whether the live data have it. */
  live: boolean
}

/** What is looked for: a name anywhere, or a path below the root; both with the wildcards of sh. */
export type Wanted = { name: string } | { path: BytePath }

/**
 * Finds in which snapshots, and live, something of that name ever was. By find(1). Throws UsageError
 * where nothing was because nobody can read the pattern.
 */
export async function findNames(
  context: ActionContext,
  volumes: readonly VolumeSpec[],
  wanted: Wanted,
): Promise<FoundName[]> {
  const found = new Map<string, FoundName>()
  for (const volume of volumes) {
    const places = [
      ...snapshotsOf(context, volume.id).map(({ name, path }) => {
        return { place: name, directory: join(path, volume.id) }
      }),
      ...(context.config.volumes.some(({ id }) => id === volume.id)
        ? [{ place: 'live', directory: volume.path }]
        : []),
    ]
    for (const { place, directory } of places) {
      for (const { path, type } of await listMatches(directory, wanted, context.signal)) {
        const key = `${volume.id}:${path}`
        const known = found.get(key) ?? { volume: volume.id, path, first: place, live: false }
        const last = place === 'live' && known.first !== 'live' ? lastOf(known) : place
        found.set(key, { ...known, type, last, live: place === 'live' })
      }
    }
  }

  if (found.size === 0) {
    const text = 'name' in wanted ? wanted.name : displayPath(wanted.path)
    readPattern(bytePath(text), text)
  }
  return [...found.values()].toSorted((one, other) => (one.path < other.path ? -1 : 1))
}

function lastOf(known: Partial<FoundName>): string {
  return known.last ?? known.first ?? ''
}

/** The configured volumes, and those that only snapshots have, with their paths then. */
export function allVolumes({ store, config }: ActionContext): VolumeSpec[] {
  const { snapshots } = readCatalog(store)
  const before = snapshots.flatMap(({ record }) => record.volumes)
  const known = new Map(before.map(({ id, path }) => [id, { id, path }]))
  for (const { id, path } of config.volumes) known.set(id, { id, path })
  return [...known.values()]
}

/** Those that hold a volume, oldest first. */
export function snapshotsOf({ store, clock }: ActionContext, id: string): Snapshot[] {
  const { snapshots } = futureFirst(readCatalog(store), clock.now())
  return snapshots.filter(({ record }) => record.volumes.some((volume) => volume.id === id))
}

async function listMatches(
  directory: string,
  wanted: Wanted,
  signal: AbortSignal | undefined,
): Promise<{ path: BytePath; type: string }[]> {
  // a name may well have the characters of a pattern
  const [option, text] =
    'name' in wanted ? ['-name', wanted.name] : ['-path', pathTest(wanted.path)]
  const test = ['(', option, text, '-o', option, text.replace(/[*?[\]\\]/g, String.raw`\$&`), ')']
  const chunks: Buffer[] = []
  await find(directory, ['-mindepth', '1', ...test, '-printf', String.raw`%P\0%y\0`], {
    signal,
    onOutput: (chunk) => chunks.push(chunk),
  })

  const words = Buffer.concat(chunks).toString('latin1').split('\0')
  const matches = Array.from({ length: Math.floor(words.length / 2) }, (_, at) => {
    return { path: words[at * 2] ?? '', type: words[at * 2 + 1] ?? '' }
  })
  // find lets a wildcard stand for a slash too
  return 'name' in wanted
    ? matches
    : matches.filter(({ path }) => depthOf(path) === depthOf(wanted.path))
}

function pathTest(path: BytePath): string {
  return `./${Buffer.from(path, 'latin1').toString()}`
}

function depthOf(path: BytePath): number {
  return path.split('/').length
}

/** A name as people write it, or a path with slashes in it. */
export function parseWanted(text: string): Wanted {
  const path = text.replace(/^\/+|\/+$/g, '')
  return path.includes('/') ? { path: bytePath(path) } : { name: path }
}

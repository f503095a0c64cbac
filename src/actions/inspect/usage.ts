import { lstatSync, readdirSync, statfsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { isNotFound } from '../../errors.ts'
import { allocatedBytes } from '../../copy/scan/copy-list.ts'
import { type Catalog, readCatalog } from '../../store/catalog.ts'
import { recordFileName } from '../../store/layout.ts'
import { type SnapshotRecord, recordTotals } from '../../store/record.ts'
import { spawn } from '../../system/spawn.ts'
import { readUsageCache, writeUsageCache } from '../../usage/cache.ts'
import { type GroupedSnapshots, type InodeGroups, freedWith } from '../../usage/inode-groups.ts'
import { type WalkedInodes, walkInodes } from '../../usage/walk-inodes.ts'
import type { ActionContext } from '../context.ts'
import { reportProgress } from '../report-progress.ts'

type UsageContext = Pick<ActionContext, 'store' | 'clock' | 'signal' | 'emit'>

/**
 * How exact a number of bytes is: contents that are shared with the live data (reflinks) may not
 * come back, and of subvolumes only what nobody else has is counted.
 */
export type Bound = 'exact' | 'at-most' | 'at-least'

/** What comes back when snapshots are removed. */
export interface Freed {
  bytes: number
  inodes: number
  bound: Bound
}

export interface SnapshotUsage {
  name: string
  /** Apparent size; null where nobody counted. */
  bytes: number | null
  /** What it copied when it was taken. */
  addedBytes: number | null
  /** If it alone is removed. */
  freed: Freed
}

/** What a store takes, as far as it was walked: of any set of snapshots what that gives back. */
export interface Usage {
  /** Oldest first, also damaged ones. */
  snapshots: readonly SnapshotUsage[]
  /** All of them together. */
  total: Freed
  freedBy(names: ReadonlySet<string>): Freed
}

/** A snapshot as it lies in the store. */
interface Place {
  name: string
  path: string
  id: string
  record: SnapshotRecord | undefined
  /** What it has of its own, beside the trees of volumes. */
  own: { bytes: number; inodes: number }
  /** The trees that share inodes with those of other snapshots. */
  trees: string[]
  subvolumes: string[]
}

/**
 * Finds out what removing snapshots gives back, by their inodes: one is freed when all snapshots
 * that have it go. Each snapshot is walked once, without a lock, and kept in a cache of the store.
 * Names that a file has outside of the snapshots are not known.
 */
export async function readUsage(context: UsageContext): Promise<Usage> {
  const { store } = context
  const places = findPlaces(readCatalog(store), lstatSync(store.directory, { bigint: true }).dev)
  const groups = readUsageCache(store)
  const ids = new Map(places.map(({ name, id }) => [name, id]))
  groups.keepOnly(({ name, id }) => ids.get(name) === id)

  if (await walkOthers(context, groups, places)) writeUsageCache(store, groups.summarize())
  const summary = groups.summarize()
  const exclusive = await readExclusive(context, places)
  const shared = findShared(store.directory, places)

  const freedBy = (names: ReadonlySet<string>): Freed =>
    sumFreed(
      summary,
      places.filter(({ name }) => names.has(name)),
      exclusive,
      shared,
    )

  return {
    snapshots: places.map(({ name, record }) => {
      const totals = record === undefined ? undefined : recordTotals(record)
      return {
        name,
        bytes: totals?.bytes ?? null,
        addedBytes: totals?.addedBytes ?? null,
        freed: freedBy(new Set([name])),
      }
    }),
    total: freedBy(new Set(places.map(({ name }) => name))),
    freedBy,
  }
}

function findPlaces({ snapshots, damaged }: Catalog, device: bigint): Place[] {
  const all = [
    ...snapshots.map(({ name, path, record }) => ({ name, path, record })),
    ...damaged.map(({ name, path, snapshot }) => ({ name, path, record: snapshot?.record })),
  ]

  return all
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((one): Place[] => {
      try {
        return [describePlace(one, device)]
      } catch (error) {
        // removed meanwhile
        if (isNotFound(error)) return []
        throw error
      }
    })
}

function describePlace(
  { name, path, record }: Pick<Place, 'name' | 'path' | 'record'>,
  device: bigint,
): Place {
  const root = lstatSync(path, { bigint: true })
  const place: Place = {
    name,
    path,
    id: `${root.ino}.${root.birthtimeNs}`,
    record,
    own: { bytes: allocatedBytes(root), inodes: 1 },
    trees: [],
    subvolumes: [],
  }

  for (const entry of readdirSync(path)) {
    const at = join(path, entry)
    const stat = lstatSync(at, { bigint: true, throwIfNoEntry: false })
    if (stat === undefined) continue
    if (!stat.isDirectory()) {
      place.own.bytes += allocatedBytes(stat)
      place.own.inodes += 1
    } else if (stat.dev === device) place.trees.push(at)
    else place.subvolumes.push(at)
  }

  return place
}

/** Walks those that are not known yet; tells whether there were any. */
async function walkOthers(
  context: UsageContext,
  groups: InodeGroups,
  places: readonly Place[],
): Promise<boolean> {
  const known = new Set(groups.snapshots.map(({ name }) => name))
  const others = places.filter(({ name }) => !known.has(name))
  const progress = reportProgress(context, 'usage')

  // find(1) takes most of the time, and each has one core
  const waiting = [...others]
  const walks: Promise<(WalkedInodes | undefined)[]>[] = []
  const beginNext = (): void => {
    const next = waiting.shift()
    if (next === undefined) return
    const walk = Promise.all(next.trees.map(async (tree) => walkIfThere(context, tree)))
    // who waits for it hears of it
    walk.catch(() => undefined)
    walks.push(walk)
  }

  for (let lane = 0; lane < availableParallelism(); lane += 1) beginNext()
  for (const [index, place] of others.entries()) {
    const walked = (await walks.shift()) ?? []
    beginNext()
    groups.add(
      place,
      walked.filter((tree) => tree !== undefined),
    )
    const fraction = (index + 1) / others.length
    progress.onProgress({ files: index + 1, totalFiles: others.length, bytes: 0, fraction })
  }

  progress.end()
  return others.length > 0 || known.size === 0
}

/** Undefined for a snapshot that is removed meanwhile. */
async function walkIfThere({ signal }: UsageContext, tree: string) {
  try {
    return await walkInodes(tree, signal)
  } catch (error) {
    if (lstatSync(join(tree, '..', recordFileName), { throwIfNoEntry: false }) === undefined) {
      return undefined
    }
    throw error
  }
}

/** What no other subvolume shares, of each snapshot that has some. */
async function readExclusive(
  { signal }: UsageContext,
  places: readonly Place[],
): Promise<Map<string, number>> {
  const exclusive = new Map<string, number>()
  for (const { name, subvolumes } of places) {
    if (subvolumes.length === 0) continue
    const words = ['filesystem', 'du', '-s', '--raw', '--', ...subvolumes]
    const { stdout } = await spawn('btrfs', words, { signal })
    // a line each: total, exclusive, shared by all of them, name
    const numbers = [...stdout.matchAll(/^ *\d+ +(\d+) /gm)].map(([, bytes]) => Number(bytes))
    exclusive.set(
      name,
      numbers.reduce((sum, bytes) => sum + bytes, 0),
    )
  }
  return exclusive
}

function sumFreed(
  groups: GroupedSnapshots,
  places: readonly Place[],
  exclusive: ReadonlyMap<string, number>,
  shared: ReadonlySet<string>,
): Freed {
  const inTrees = freedWith(groups, new Set(places.map(({ name }) => name)))
  const bound = boundOf(places, shared)
  return places.reduce(
    ({ bytes, inodes }, { name, own }) => ({
      bytes: bytes + own.bytes + (exclusive.get(name) ?? 0),
      inodes: inodes + own.inodes,
      bound,
    }),
    { ...inTrees, bound },
  )
}

/**
 * The IDs of volumes whose files may share contents with the live data. A record only tells of what
 * it copied, and that snapshot may be gone: where none tells, the filesystem decides.
 */
function findShared(store: string, places: readonly Place[]): Set<string> {
  const volumes = places.flatMap(({ record }) => record?.volumes ?? [])
  const canShare = sharingFilesystems.has(statfsSync(store).type)
  const isShared = (told: readonly (boolean | undefined)[]): boolean =>
    told.includes(true) || (canShare && !told.includes(false))

  const byId = Map.groupBy(volumes, ({ id }) => id)
  return new Set(
    [...byId].flatMap(([id, all]) => (isShared(all.map(({ reflink }) => reflink)) ? id : [])),
  )
}

/** By the type of statfs(2): XFS and btrfs. */
const sharingFilesystems: ReadonlySet<number> = new Set([0x58465342, 0x9123683e])

function boundOf(places: readonly Place[], shared: ReadonlySet<string>): Bound {
  const isShared = places.some(
    ({ record, trees }) =>
      trees.length > 0 && (record === undefined || record.volumes.some(({ id }) => shared.has(id))),
  )
  // never more than what is promised
  if (isShared) return 'at-most'
  return places.some(({ subvolumes }) => subvolumes.length > 0) ? 'at-least' : 'exact'
}

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, isNotFound, messageOf } from '../errors.ts'
import { type Mount, isMountPoint, readMounts } from '../system/mounts.ts'
import { bytePath, readKinds } from '../tree/byte-path.ts'
import { readDocument } from './durable.ts'
import { type StoreLayout, recordFileName, removedRecordFileName } from './layout.ts'
import { parseSnapshotName } from './names.ts'
import { type SnapshotRecord, type VolumeContents, parseRecord } from './record.ts'

export interface Snapshot {
  name: string
  time: Date
  path: string
  record: SnapshotRecord
}

/**
 * A snapshot whose record cannot be read, or of which a volume is gone: never pruned, never used,
 * but told of.
 */
export interface DamagedSnapshot {
  name: string
  path: string
  problem: string
  /** Where its record can be read. */
  snapshot?: Snapshot
}

export interface Catalog {
  /** Oldest first. */
  snapshots: Snapshot[]
  damaged: DamagedSnapshot[]
  /** Every name in the store, also those that are not ours. */
  names: ReadonlySet<string>
  /** Where those of the future come first: by which clock they are that. */
  futureAt?: Date
}

/** Reads what is in the store. An empty directory is not a snapshot, whatever its name. */
export function readCatalog(store: StoreLayout): Catalog {
  const entries = readdirSync(store.directory, { withFileTypes: true })
  const catalog: Catalog = {
    snapshots: [],
    damaged: [],
    names: new Set(entries.map(({ name }) => name)),
  }
  const mounts = readMounts()
  const candidates = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  for (const name of candidates.toSorted()) {
    const time = parseSnapshotName(name)
    if (time === undefined) continue

    const path = join(store.directory, name)
    try {
      const record = parseRecord(readDocument(join(path, recordFileName)))
      const isOwn = record.name === name || hadName(record, name)
      if (!isOwn) throw new Error(`it is the record of ${record.name}`)

      // of one that is being renamed the record comes first
      const snapshot = { name, time, path, record: { ...record, name } }
      const problem = findLostVolume(snapshot, mounts)
      if (problem === undefined) catalog.snapshots.push(snapshot)
      else catalog.damaged.push({ name, path, problem, snapshot })
    } catch (error) {
      if (!isNotFound(error)) catalog.damaged.push({ name, path, problem: messageOf(error) })
      else if (holdsData(path)) {
        catalog.damaged.push({ name, path, problem: `there is no ${recordFileName}` })
      }
    }
  }

  return catalog
}

/** By what the directories themselves say: nobody looks at what somebody mounted over a volume. */
function findLostVolume(
  { name, path, record }: Snapshot,
  mounts: readonly Mount[],
): string | undefined {
  const entries = readdirSync(path, { withFileTypes: true })
  const there = new Set(entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name))
  for (const { id, contents } of record.volumes) {
    const data = join(path, id)
    if (!there.has(id)) return describeLoss(name, id, `no directory ${data}`)
    const what = isMountPoint(mounts, data) ? undefined : describeEmptied(data, contents)
    if (what !== undefined) return describeLoss(name, id, what)
  }
  return undefined
}

/** For the tree of a volume in a snapshot that is empty, and was not: one look at its top. */
export function describeEmptied(
  data: string,
  contents: VolumeContents | null | undefined,
): string | undefined {
  const { files = 0, symlinks = 0, specials = 0 } = contents ?? {}
  const counted = files + symlinks + specials
  if (counted === 0 || !isEmpty(data)) return undefined
  return `${data} is empty, and its record counts ${counted}`
}

/** False also of what cannot be read: nobody knows then. */
function isEmpty(directory: string): boolean {
  try {
    return readKinds(bytePath(directory), 0) !== undefined
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return false
  }
}

export function describeLoss(name: string, id: string, what: string): string {
  return `the data of ${id} in ${name} are gone (${what})`
}

/**
 * False also for a snapshot that was removed since the store was listed, or whose data are being
 * deleted where it is.
 */
function holdsData(path: string): boolean {
  try {
    const mounts = readMounts()
    const entries = readKinds(bytePath(path)) ?? []
    if (entries.some(({ name }) => name === removedRecordFileName)) return false
    return entries.some(({ name, isDirectory }) => {
      const entry = `${bytePath(path)}/${name}`
      return !isDirectory || isMountPoint(mounts, entry) || readKinds(entry, 0) === undefined
    })
  } catch (error) {
    return !isNotFound(error)
  }
}

/** In a line: what is damaged, and what becomes of it. */
export function describeDamage({ name, problem, snapshot }: DamagedSnapshot): string {
  const what = snapshot === undefined ? `the record of ${name}` : name
  return `${what} is damaged and it is left alone: ${problem}`
}

export function wayOutOfDamage({ path }: DamagedSnapshot): string {
  return `copy by hand what you need of it, then remove it with "rm -rf ${path}"`
}

/** The one that has the name, or had it before it was renamed. */
export function findSnapshot({ snapshots }: Catalog, name: string): Snapshot | undefined {
  return (
    snapshots.find((snapshot) => snapshot.name === name) ??
    snapshots.find(({ record }) => hadName(record, name))
  )
}

/** The same of those that are damaged. */
export function findDamaged({ damaged }: Catalog, name: string): DamagedSnapshot | undefined {
  return (
    damaged.find((one) => one.name === name) ??
    damaged.find(({ snapshot }) => snapshot !== undefined && hadName(snapshot.record, name))
  )
}

function hadName({ formerNames = [] }: SnapshotRecord, name: string): boolean {
  return formerNames.includes(name)
}

/**
 * Whether it is beside the row of the others: what a restore replaced, or what a clone held.
 * `latest` and times pass over it, and it counts with those of its kind only.
 */
export function isAside({ record: { kind } }: Snapshot): boolean {
  return kind === 'safety' || kind === 'clone'
}

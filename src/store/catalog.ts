import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isNotFound, messageOf } from '../errors.ts'
import { isMountPoint, readMounts } from '../system/mounts.ts'
import { bytePath, readKinds } from '../tree/byte-path.ts'
import { readDocument } from './durable.ts'
import { type StoreLayout, recordFileName } from './layout.ts'
import { parseSnapshotName } from './names.ts'
import { type SnapshotRecord, parseRecord } from './record.ts'

export interface Snapshot {
  name: string
  time: Date
  path: string
  record: SnapshotRecord
}

/** A snapshot whose record cannot be read, or of which a volume is gone: never pruned, never used, but told of. */
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
}

/** Reads what is in the store. An empty directory is not a snapshot, whatever its name. */
export function readCatalog(store: StoreLayout): Catalog {
  const entries = readdirSync(store.directory, { withFileTypes: true })
  const catalog: Catalog = {
    snapshots: [],
    damaged: [],
    names: new Set(entries.map(({ name }) => name)),
  }
  const candidates = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  for (const name of candidates.toSorted()) {
    const time = parseSnapshotName(name)
    if (time === undefined) continue
    const path = join(store.directory, name)
    try {
      const record = parseRecord(readDocument(join(path, recordFileName)))
      if (record.name !== name) throw new Error(`it is the record of ${record.name}`)
      const snapshot = { name, time, path, record }
      const problem = findLostVolume(snapshot)
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

/** By what the directory itself says: nobody looks at what somebody mounted over a volume. */
function findLostVolume({ name, path, record }: Snapshot): string | undefined {
  const entries = readdirSync(path, { withFileTypes: true })
  const there = new Set(entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name))
  const lost = record.volumes.find(({ id }) => !there.has(id))
  return lost && `the data of ${lost.id} in ${name} are gone (no directory ${join(path, lost.id)})`
}

/** False also for a snapshot that was removed since the store was listed. */
function holdsData(path: string): boolean {
  try {
    const mounts = readMounts()
    const entries = readKinds(bytePath(path)) ?? []
    return entries.some(({ name, isDirectory }) => {
      const entry = `${bytePath(path)}/${name}`
      return !isDirectory || isMountPoint(mounts, entry) || readKinds(entry, 0) === undefined
    })
  } catch (error) {
    return !isNotFound(error)
  }
}

/** Every snapshot whose record can be read, oldest first, also where data of it are gone. */
export function recordedSnapshots({ snapshots, damaged }: Catalog): Snapshot[] {
  const lost = damaged.flatMap(({ snapshot }) => snapshot ?? [])
  return [...snapshots, ...lost].toSorted((one, other) => (one.name < other.name ? -1 : 1))
}

/** In a line: what is damaged, and what becomes of it. */
export function describeDamage({ name, problem, snapshot }: DamagedSnapshot): string {
  const what = snapshot === undefined ? `the record of ${name}` : name
  return `${what} is damaged and it is left alone: ${problem}`
}

export function wayOutOfDamage({ path }: DamagedSnapshot): string {
  return `copy by hand what you need of it, then remove it with "rm -rf ${path}"`
}

export function findSnapshot(catalog: Catalog, name: string): Snapshot | undefined {
  return catalog.snapshots.find((snapshot) => snapshot.name === name)
}

/** Safety snapshots are what a restore replaced: `latest` and times mean the others. */
export function isSafety(snapshot: Snapshot): boolean {
  return snapshot.record.kind === 'safety'
}

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isNotFound, messageOf } from '../errors.ts'
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

/** A snapshot whose record cannot be read: never pruned, never used, but told of. */
interface DamagedSnapshot {
  name: string
  path: string
  problem: string
}

export interface Catalog {
  /** Oldest first. */
  snapshots: Snapshot[]
  damaged: DamagedSnapshot[]
  /** Every name in the store, also those that are not ours. */
  names: ReadonlySet<string>
}

/** Reads what is in the store. A directory without a record is not a snapshot, whatever its name. */
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
      const isOwn = record.name === name || hadName(record, name)
      if (!isOwn) throw new Error(`it is the record of ${record.name}`)
      // of one that is being renamed the record comes first
      catalog.snapshots.push({ name, time, path, record: { ...record, name } })
    } catch (error) {
      if (!isNotFound(error)) catalog.damaged.push({ name, path, problem: messageOf(error) })
    }
  }
  return catalog
}

/** The one that has the name, or had it before it was renamed. */
export function findSnapshot({ snapshots }: Catalog, name: string): Snapshot | undefined {
  return (
    snapshots.find((snapshot) => snapshot.name === name) ??
    snapshots.find(({ record }) => hadName(record, name))
  )
}

function hadName({ formerNames = [] }: SnapshotRecord, name: string): boolean {
  return formerNames.includes(name)
}

/** Safety snapshots are what a restore replaced: `latest` and times mean the others. */
export function isSafety(snapshot: Snapshot): boolean {
  return snapshot.record.kind === 'safety'
}

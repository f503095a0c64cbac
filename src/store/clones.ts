import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { volumeIdPattern } from '../config/volume-spec.ts'
import { OperationError, errorCode, isNotFound, messageOf } from '../errors.ts'
import { fsyncDirectory, readDocument, writeFileDurably } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { parseDocument, snapshotName, timestamp } from './record.ts'

/** How a clone comes by the data of its snapshot, the cheapest first. */
export const cloneMethods = ['btrfs', 'reflink', 'overlay', 'copy'] as const
export type CloneMethod = (typeof cloneMethods)[number]

/** What Docker takes for the name of a volume, and a directory can have. */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,126}$/

export function isCloneName(name: string): boolean {
  return namePattern.test(name)
}

const schema = v.object({
  schema: v.literal(1),
  name: v.pipe(v.string(), v.regex(namePattern)),
  snapshot: snapshotName,
  volume: v.pipe(v.string(), v.regex(volumeIdPattern)),
  /** The clone that it was made of; null for one of a snapshot. */
  of: v.nullable(v.string()),
  method: v.picklist(cloneMethods),
  /** What it took when it was made, and takes at most. */
  cost: v.object({ bytesNow: v.number(), bytesAtMost: v.number() }),
  /** Whether its data are its own, so that the snapshot may go. */
  isFlat: v.boolean(),
  startedAt: timestamp,
  /** Null until it can be used: it is to be removed then. */
  finishedAt: v.nullable(timestamp),
})

/** A writable copy of a volume of a snapshot. */
export type CloneRecord = v.InferOutput<typeof schema>

/** Where the parts of a clone are; all but the record are there for some methods only. */
export interface ClonePlaces {
  directory: string
  record: string
  /** The data, of all methods but overlay. */
  data: string
  /** What an overlay has that differs from the snapshot, and its scratch directory. */
  upper: string
  work: string
}

export function placesOf(store: StoreLayout, name: string): ClonePlaces {
  const directory = join(store.clones, name)
  return {
    directory,
    record: join(directory, 'clone.json'),
    data: join(directory, 'data'),
    upper: join(directory, 'upper'),
    work: join(directory, 'work'),
  }
}

/**
 * Makes the directory of a clone, where there is none with a record yet, and says in it what it will
 * be.
 */
export function createCloneDirectory(store: StoreLayout, clone: CloneRecord): ClonePlaces {
  const places = placesOf(store, clone.name)
  mkdirSync(store.clones, { recursive: true, mode: 0o700 })
  mkdirSync(places.directory, { recursive: true, mode: 0o700 })
  fsyncDirectory(store.clones)
  writeClone(store, clone)
  return places
}

/** By one rename. Throws the error of the system. */
export function writeClone(store: StoreLayout, clone: CloneRecord): void {
  const text = `${JSON.stringify(clone, null, 2)}\n`
  writeFileDurably(placesOf(store, clone.name).record, text, 0o600)
}

/**
 * All clones, by name. One that was cut off before its record was written holds nothing, and is
 * passed over. Throws OperationError for a record that cannot be read: nobody knows then which
 * snapshot it needs.
 */
export function readClones(store: StoreLayout): CloneRecord[] {
  return listDirectories(store)
    .map((name) => readClone(store, name))
    .filter((clone) => clone !== undefined)
}

export function readClone(store: StoreLayout, name: string): CloneRecord | undefined {
  const { record, directory } = placesOf(store, name)
  try {
    const clone = parseDocument(schema, readDocument(record))
    if (clone.name !== name) throw new Error(`it is the record of ${clone.name}`)
    return clone
  } catch (error) {
    // a plain file there is of nobody
    if (isNotFound(error) || errorCode(error) === 'ENOTDIR') return undefined
    throw new OperationError(`${record} cannot be read (${messageOf(error)})`, {
      cause: error,
      fix: `when that clone is not needed, remove its Docker volume, then ${directory}`,
    })
  }
}

/** The clones that need a snapshot, by its name, as a reason why that has to stay. */
export function snapshotsOfClones(store: StoreLayout): Map<string, string> {
  return new Map(
    readClones(store)
      .filter(({ isFlat }) => !isFlat)
      .map(({ name, snapshot }) => [snapshot, `the clone ${name} needs it`]),
  )
}

/** What the names of clones begin with that `prove` makes. */
export const proofPrefix = 'snap-volume-prove-'

/** The names of those: of one that is under way, or of one that was killed. */
export function listProofs(store: StoreLayout): string[] {
  return listDirectories(store).filter((name) => name.startsWith(proofPrefix))
}

function listDirectories({ clones }: StoreLayout): string[] {
  try {
    return readdirSync(clones).filter(isCloneName).toSorted()
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}

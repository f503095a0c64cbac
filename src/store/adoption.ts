import { existsSync, lstatSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, isNotFound, messageOf } from '../errors.ts'
import { type VolumeSpec, volumeIdPattern } from '../config/volume-spec.ts'
import { programVersion } from '../system/version.ts'
import { readDocument, renameDurably, writeFileDurably } from './durable.ts'
import { type StoreLayout, recordFileName } from './layout.ts'
import { parseSnapshotName } from './names.ts'
import { type SnapshotRecord, formatRecord } from './record.ts'

export type AdoptionEvent =
  { type: 'adopted'; name: string } | { type: 'warning'; code: string; message: string }

/**
 * Takes over the store of the shell-script image of 2014: each snapshot/@GMT-.../ID gets a record
 * and is renamed to where this program keeps snapshots. The record comes first, so a crash in
 * between leaves a directory that the next start renames. Its snapshot.conf is read for paths,
 * never executed.
 */
export function adoptPredecessor(
  store: StoreLayout,
  volumes: readonly VolumeSpec[],
): AdoptionEvent[] {
  const old = join(store.directory, 'snapshot')
  const names = namesOfDirectories(old).filter((name) => parseSnapshotName(name) !== undefined)
  const { events, paths } = readPredecessorConf(join(store.directory, 'snapshot.conf'))
  for (const { id, path } of volumes) paths.set(id, path)

  for (const name of names) events.push(adoptSnapshot(store, join(old, name), name, paths))
  removeWhenEmpty(old)
  return events
}

function adoptSnapshot(
  store: StoreLayout,
  from: string,
  name: string,
  paths: ReadonlyMap<string, string>,
): AdoptionEvent {
  const target = join(store.directory, name)
  if (existsSync(target)) return notAdopted(from, `${target} is there already`)
  const ids = namesOfDirectories(from).filter((id) => volumeIdPattern.test(id))
  if (ids.length === 0) return notAdopted(from, 'it has no directory of a volume')

  try {
    const record = adoptedRecord(name, ids, paths)
    writeFileDurably(join(from, recordFileName), formatRecord(record), 0o644)
    renameDurably(from, target)
    return { type: 'adopted', name }
  } catch (error) {
    return notAdopted(from, messageOf(error))
  }
}

function notAdopted(path: string, reason: string): AdoptionEvent {
  return { type: 'warning', code: 'not-adopted', message: `${path} is not adopted: ${reason}` }
}

/** What is known of an old snapshot without reading all of it: counts and sizes are not. */
function adoptedRecord(
  name: string,
  ids: readonly string[],
  paths: ReadonlyMap<string, string>,
): SnapshotRecord {
  const time = parseSnapshotName(name)?.toISOString() ?? ''
  return {
    schema: 1,
    name,
    kind: 'adopted',
    program: programVersion,
    startedAt: time,
    finishedAt: time,
    consistency: 'live',
    volumes: ids.map((id) => ({
      id,
      path: paths.get(id) ?? '',
      engine: 'predecessor',
      base: null,
      contents: null,
    })),
    warnings: [],
    comment: null,
    pinned: false,
    labels: {},
  }
}

/**
 * Reads `VOLUME_DATA=id:path,id:path` of the predecessor's snapshot.conf as text.
 */
function readPredecessorConf(file: string): {
  events: AdoptionEvent[]
  paths: Map<string, string>
} {
  try {
    return { events: [], paths: parsePredecessorConf(readDocument(file)) }
  } catch (error) {
    const events: AdoptionEvent[] = isNotFound(error)
      ? []
      : [{ type: 'warning', code: 'conf', message: `${file} cannot be read: ${messageOf(error)}` }]
    return { events, paths: new Map() }
  }
}

export function parsePredecessorConf(text: string): Map<string, string> {
  const data = /^VOLUME_DATA=(["']?)(.*)\1$/m.exec(text)?.[2] ?? ''
  const pairs = data.split(',').map((pair) => pair.split(':'))

  return new Map(
    pairs
      .filter(([id = '', path = '']) => volumeIdPattern.test(id) && path.startsWith('/'))
      .map(([id = '', path = '']) => [id, path]),
  )
}

function namesOfDirectories(path: string): string[] {
  try {
    if (!lstatSync(path).isDirectory()) return []
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .toSorted()
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}

/** Leaves whatever else somebody keeps there. */
function removeWhenEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch (error) {
    const code = errorCode(error)
    if (!['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EBUSY'].includes(code ?? '')) throw error
  }
}

import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { formatArchiveName } from '../../archive/archive-name.ts'
import { OperationError, UsageError } from '../../errors.ts'
import { type Snapshot, readCatalog } from '../../store/catalog.ts'
import { resolveReference } from '../../store/references.ts'
import type { RecordWarning } from '../../store/record.ts'
import { warnOfRot } from '../../store/verify-state.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { PrivateDirectory } from '../../tree/private-directory.ts'
import type { ActionContext } from '../context.ts'
import { emitWarnings } from '../events.ts'
import { explainFailure } from '../explain-failure.ts'
import { ArchivePlace } from './archive-place.ts'
import { type ArchiveBase, chooseBase } from './choose-base.ts'
import { FileDigests } from './file-digests.ts'
import { type Room, exportVolume } from './export-volume.ts'

export interface ExportOptions {
  reference: string
  /** The snapshot that the archives are increments to. */
  since: string | undefined
  fullEvery: number | undefined
  /** Empty for all. */
  volumes: readonly string[]
  /** A directory, or a stream. */
  output: string | Writable
}

export interface ExportedArchive {
  volume: string
  /** Null for a stream. */
  path: string | null
  snapshot: string
  /** Null for a full archive. */
  base: string | null
  bytes: number
  sha256: string
}

export interface Exported {
  snapshot: string
  archives: ExportedArchive[]
  /** What the archives lack, and why one is full. */
  notes: RecordWarning[]
  /** Those that flag the result. */
  warnings: RecordWarning[]
}

/**
 * Writes an archive of each volume of a snapshot, whole or as an increment. It only reads the store,
 * and needs no lock: where the snapshot is removed meanwhile, it fails. Throws OperationError; no
 * archive that is not complete is visible then.
 */
export async function exportSnapshot(
  context: ActionContext,
  options: ExportOptions,
): Promise<Exported> {
  const { store, clock } = context
  const snapshot = resolveReference(readCatalog(store), options.reference, clock.now())
  const volumes = chooseVolumes(snapshot, options)
  const directory = typeof options.output === 'string' ? resolve(options.output) : undefined

  const result: Exported = {
    snapshot: snapshot.name,
    archives: [],
    notes: [],
    warnings: warnOfRot(store, snapshot.name),
  }
  const digests = new FileDigests(context, { trustsRecorded: true })
  for (const volume of volumes) {
    const base = await chooseBase(context, snapshot, volume, { ...options, directory })
    if (base.note !== undefined) result.notes.push({ code: 'full', volume, message: base.note })
    try {
      const task = { snapshot, base, volume, digests }
      const written =
        typeof options.output === 'string'
          ? await writeToDirectory(context, task, resolve(options.output))
          : await writeToStream(context, task, options.output)
      result.archives.push(written.archive)
      result.notes.push(...written.notes)
    } catch (error) {
      throw await explainFailure(
        error,
        inPlace(directory ?? tmpdir()),
        'the archive is not written',
      )
    }
  }

  emitWarnings(context.emit, [...result.notes, ...result.warnings])
  return result
}

function inPlace(path: string): { what: string; path: string; whenFull: string } {
  return { what: 'the directory', path, whenFull: 'free space there, or name another one with -o' }
}

function chooseVolumes({ name, record }: Snapshot, { volumes, output }: ExportOptions): string[] {
  const there = record.volumes.map(({ id }) => id)
  const unknown = volumes.find((id) => !there.includes(id))
  if (unknown !== undefined) {
    throw new OperationError(`${name} does not hold the volume ${unknown}`, {
      fix: `it holds ${there.join(', ')}`,
    })
  }

  const chosen = there.filter((id) => volumes.length === 0 || volumes.includes(id))
  if (typeof output === 'string' || chosen.length === 1) return chosen
  throw new UsageError(`${name} holds ${chosen.join(', ')}, and a stream has one archive`, {
    fix: `choose one: --volume ${chosen[0]}`,
  })
}

interface ExportTask {
  snapshot: Snapshot
  base: ArchiveBase
  volume: string
  digests: FileDigests
}

interface Written {
  archive: ExportedArchive
  notes: RecordWarning[]
}

async function writeToDirectory(
  context: ActionContext,
  task: ExportTask,
  directory: string,
): Promise<Written> {
  const { snapshot, base, volume } = task
  using place = new ArchivePlace(directory)
  place.assertFree({ volume, snapshot: snapshot.name })
  const isFull = base.snapshot === undefined
  const name = formatArchiveName({ volume, snapshot: snapshot.name, isFull })
  const stream = place.begin(name)
  // told when it is written to, or closed
  stream.on('error', () => undefined)

  const { changelog, notes, ...written } = await exportVolume(context, task, place.room, stream)
  const path = await place.finish(name, stream, { sha256: written.sha256, changelog })
  return { archive: archiveOf(task, path, written), notes }
}

async function writeToStream(
  context: ActionContext,
  task: ExportTask,
  output: Writable,
): Promise<Written> {
  using directory = openDirectory(resolve(tmpdir()))
  using made = new PrivateDirectory(directory.here)
  const room: Room = made
  const { notes, ...written } = await exportVolume(context, task, room, output)
  return { archive: archiveOf(task, null, written), notes }
}

function archiveOf(
  { volume, snapshot, base }: ExportTask,
  path: string | null,
  { bytes, sha256 }: { bytes: number; sha256: string },
): ExportedArchive {
  const since = base.snapshot?.name ?? null
  return { volume, path, snapshot: snapshot.name, base: since, bytes, sha256 }
}

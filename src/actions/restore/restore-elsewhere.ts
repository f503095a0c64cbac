import { chmodSync, linkSync, lstatSync, mkdirSync, renameSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { LeftOutAttributes, filtersOfLacking, leftOutCode } from '../../copy/left-out-attributes.ts'
import { filesFrom } from '../../copy/programs/files-from.ts'
import { rsync } from '../../copy/programs/rsync-command.ts'
import { readProgress } from '../../copy/programs/rsync-output.ts'
import { OperationError, UsageError, errorCode } from '../../errors.ts'
import { type Snapshot, readCatalog } from '../../store/catalog.ts'
import { syncFilesystem } from '../../store/durable.ts'
import type { RecordWarning } from '../../store/record.ts'
import { resolveReference } from '../../store/references.ts'
import { warnOfRot } from '../../store/verify-state.ts'
import {
  type BytePath,
  bytePath,
  displayPath,
  readNames,
  systemPath,
} from '../../tree/byte-path.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { escapePath } from '../../tree/escaped-path.ts'
import { listPaths } from '../../tree/path-list.ts'
import type { PrivateDirectory } from '../../tree/private-directory.ts'
import { Selection } from '../../tree/selection.ts'
import { walkTree } from '../../tree/walk-tree.ts'
import type { ActionContext } from '../context.ts'
import { emitWarnings } from '../events.ts'
import { explainFailure, inData } from '../explain-failure.ts'
import { reportProgress } from '../report-progress.ts'
import { choosePaths } from './choose-paths.ts'
import { makeRoomElsewhere } from './room-elsewhere.ts'

export interface ElsewhereOptions {
  reference: string
  /** IDs in the snapshot; empty for all. */
  volumes: readonly string[]
  /** Only these; empty for all. */
  paths: readonly string[]
  /** Where it is written: a new directory, or one that has nothing of what comes. */
  directory: string
  dryRun: boolean
}

export interface RestoredElsewhere {
  snapshot: string
  directory: string
  /** Where each volume is, or its `paths` (escapePath) below. */
  volumes: { id: string; path: string; paths?: string[]; files: number; bytes: number }[]
  warnings: RecordWarning[]
}

/** A volume of the snapshot, or some of its paths. */
interface Part {
  id: string
  only: readonly BytePath[] | undefined
  /** Below the directory; empty for the directory itself. */
  at: string
}

/**
 * Writes what a snapshot has to another place, and changes nothing of the live data, or of what is
 * there already:
 *
 * 1. all of it is made in a private directory beside the place it gets; a crash leaves that, for the
 *    next one to remove that writes beside it (room-elsewhere.ts)
 * 2. each entry comes to its place by one rename, or a link, which replaces nothing; a crash leaves
 *    some of them there, each whole
 *
 * One volume is in the directory itself, several are each in one of their ID. Throws OperationError
 * where something is there already.
 */
export async function restoreElsewhere(
  context: ActionContext,
  options: ElsewhereOptions,
): Promise<RestoredElsewhere> {
  const { store, clock, signal } = context
  const snapshot = resolveReference(readCatalog(store), options.reference, clock.now())
  const directory = resolve(options.directory)
  assertOutside(directory, store.directory)
  const parts = await findParts(context, snapshot, options)
  const isNew = assertFree(directory, parts, snapshot)

  const warnings = warnOfRot(store, snapshot.name)
  const volumes: RestoredElsewhere['volumes'] = []
  for (const { id, only, at } of parts) {
    const counted = await count(join(snapshot.path, id), only, signal)
    const paths = only === undefined ? {} : { paths: only.map(escapePath) }
    volumes.push({ id, path: join(directory, at), ...paths, ...counted })
  }

  if (!options.dryRun) {
    try {
      warnings.push(...(await write(context, { snapshot, directory, parts, isNew })))
    } catch (error) {
      throw await explainFailure(error, inData(directory), 'nothing was written')
    }
  }
  emitWarnings(context.emit, warnings)
  return { snapshot: snapshot.name, directory, volumes, warnings }
}

function assertOutside(directory: string, store: string): void {
  if (directory !== store && !directory.startsWith(`${store}/`)) return
  throw new UsageError(`${directory} is in the store`, {
    fix: 'name a directory that is elsewhere, such as one of a volume or of the host',
  })
}

async function findParts(
  { signal }: ActionContext,
  snapshot: Snapshot,
  { volumes, paths }: ElsewhereOptions,
): Promise<Part[]> {
  const there = snapshot.record.volumes.map(({ id, path }) => ({ id, path }))
  const unknown = volumes.find((id) => there.every((volume) => volume.id !== id))
  if (unknown !== undefined) {
    throw new OperationError(`${snapshot.name} does not hold the volume ${unknown}`, {
      fix: `it holds ${there.map(({ id }) => id).join(', ')}`,
    })
  }

  const ids = volumes.length === 0 ? there.map(({ id }) => id) : volumes
  const chosen =
    paths.length === 0
      ? ids.map((id) => ({ id, only: undefined }))
      : await choosePaths({ config: { volumes: there }, signal }, snapshot, { volumes, paths })
  return chosen.map(({ id, only }) => ({ id, only, at: chosen.length === 1 ? '' : id }))
}

/** Whether the directory is yet to be made. */
function assertFree(directory: string, parts: readonly Part[], snapshot: Snapshot): boolean {
  const stat = lstatSync(directory, { throwIfNoEntry: false })
  if (stat === undefined) {
    openDirectory(dirname(directory))[Symbol.dispose]()
    return true
  }

  using opened = openDirectory(directory)
  const there = new Set(readNames(opened.here))
  for (const { id, only, at } of parts) {
    using source = openDirectory(join(snapshot.path, id))
    const firstParts = (only ?? ['']).map((path) => path.split('/')[0] ?? '')
    const names =
      at !== ''
        ? [bytePath(at)]
        : firstParts.flatMap((name) => (name === '' ? readNames(source.here) : name))
    const taken = names.find((name) => there.has(name))
    if (taken === undefined) continue
    throw new OperationError(`${join(directory, displayPath(taken))} is there already`, {
      fix: 'nothing is replaced there: move that away, or name another directory',
    })
  }
  return false
}

async function count(
  root: string,
  only: readonly BytePath[] | undefined,
  signal: AbortSignal | undefined,
): Promise<{ files: number; bytes: number }> {
  using opened = openDirectory(root)
  const selection = only === undefined ? undefined : new Selection(only)
  const counted = { files: 0, bytes: 0 }
  const seen = new Set<bigint>()
  for await (const { path, stat } of walkTree(opened.here, signal)) {
    if (!stat.isFile() || selection?.covers(path) === false) continue
    counted.files += 1
    if (stat.nlink > 1n && seen.has(stat.ino)) continue
    seen.add(stat.ino)
    counted.bytes += Number(stat.size)
  }
  return counted
}

interface Writing {
  snapshot: Snapshot
  directory: string
  parts: readonly Part[]
  isNew: boolean
}

async function write(
  context: ActionContext,
  { snapshot, directory, parts, isNew }: Writing,
): Promise<RecordWarning[]> {
  using above = openDirectory(isNew ? dirname(directory) : directory)
  using room = await makeRoomElsewhere(above.here)
  const isWhole = parts.every(({ only }) => only === undefined)
  if (!isWhole || parts.length > 1) chmodSync(`${room.here}/made`, 0o755)
  const leftOut = new LeftOutAttributes()
  for (const part of parts) await writePart(context, { snapshot, room, part, leftOut })

  if (isNew) placeNew(`${room.here}/made`, `${above.here}/${basename(directory)}`)
  else {
    for (const name of readNames(`${room.here}/made`)) {
      placeNew(`${room.here}/made/${name}`, `${above.here}/${name}`)
    }
  }
  await syncFilesystem(directory)
  return leftOut.warnings()
}

async function writePart(
  context: ActionContext,
  {
    snapshot,
    room,
    part: { id, only, at },
    leftOut,
  }: { snapshot: Snapshot; room: PrivateDirectory; part: Part; leftOut: LeftOutAttributes },
): Promise<void> {
  const { signal } = context
  using source = openDirectory(join(snapshot.path, id))
  if (at !== '') mkdirSync(`${room.here}/made/${at}`)
  const lacking = snapshot.record.warnings.find(
    ({ code, volume }) => code === leftOutCode && volume === id,
  )
  const listed =
    only === undefined ? undefined : filesFrom(listPaths(only.map((path) => path || '.')))
  const progress = reportProgress(context, id)
  await rsync(
    [
      '--info=progress2',
      ...filtersOfLacking(lacking),
      ...(listed === undefined ? [] : ['--recursive', ...listed.options]),
      '--',
      `${source.cwd}/`,
      './',
    ],
    {
      cwd: join(room.cwd, 'made', at),
      lockDescriptor: room.descriptor,
      signal,
      leftOut,
      onOutput: readProgress(progress.onProgress),
      ...(listed === undefined ? {} : { input: listed.input }),
    },
  )
  progress.end()
}

/** Replaces nothing but an empty directory. */
function placeNew(made: BytePath, target: BytePath): void {
  const [from, to] = [systemPath(made), systemPath(target)]
  try {
    if (lstatSync(from).isDirectory()) renameSync(from, to)
    else linkSync(from, to)
  } catch (error) {
    if (!['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(errorCode(error) ?? '')) throw error
    throw new OperationError('somebody put something there meanwhile', {
      cause: error,
      fix: 'name another directory',
    })
  }
}

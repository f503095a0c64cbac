import type { Writable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { countListing, digestContents, digestListing, isKept } from '../../archive/list-digest.ts'
import { type ArchivePlan, emptyTree, isSpecial, planArchive } from '../../archive/plan-archive.ts'
import type { BaseDigests, TreeDigests } from '../../archive/header.ts'
import { changelogOf } from '../../diff/changelog.ts'
import type { Change } from '../../diff/compare-trees.ts'
import type { Snapshot } from '../../store/catalog.ts'
import type { RecordWarning } from '../../store/record.ts'
import { counted } from '../../system/counted.ts'
import { escapePath } from '../../tree/escaped-path.ts'
import type { ActionContext } from '../context.ts'
import { diff } from '../inspect/diff.ts'
import { reportProgress } from '../report-progress.ts'
import { type ArchivedTree, openArchivedTree, planned } from './archived-tree.ts'
import type { ArchiveBase } from './choose-base.ts'
import type { FileDigests } from './file-digests.ts'
import { makePatchesDirectory, writeOwnFiles } from './own-files.ts'
import { type Patch, largeOnes, makePatches } from './patches.ts'
import {
  type DataReading,
  readMembers,
  readOwnFiles,
  readWholeVolume,
  writeArchive,
} from './write-archive.ts'

/** A private directory: a path for this process, and one for programs that it starts. */
export interface Room {
  here: string
  cwd: string
}

export interface ExportTask {
  snapshot: Snapshot
  base: ArchiveBase
  volume: string
  digests: FileDigests
}

/** What is in an archive, and what goes into its header. */
interface Content {
  plan: ArchivePlan
  patches: Patch[]
  digests: TreeDigests
  baseDigests: BaseDigests | undefined
  changes: Change[]
}

/** Writes the archive of a volume to a stream, and gives its size, its SHA-256 and what changed. */
export async function exportVolume(
  context: ActionContext,
  task: ExportTask,
  room: Room,
  output: Writable,
): Promise<{ bytes: number; sha256: string; changelog: string; notes: RecordWarning[] }> {
  const { snapshot, base, volume } = task
  const progress = reportProgress(context, volume)
  const reading = readingOf(context, task, progress.onProgress)
  using stopping = new DisposableStack()
  // meanwhile it is found out what is told of it first
  const whole =
    base.snapshot === undefined
      ? stopping.adopt(readWholeVolume(reading), ({ stop }) => stop())
      : undefined

  using tree = await openArchivedTree(context, snapshot, volume)
  const patchesDirectory = makePatchesDirectory(room.cwd)
  const content =
    base.snapshot === undefined
      ? await describeFull(tree, context.signal)
      : await describeIncrement(context, task, base.snapshot, tree, patchesDirectory)

  const own = { cwd: room.cwd, names: writeOwn(task, room, tree, content) }
  const first = whole === undefined ? Buffer.alloc(0) : await readOwnFiles(own)
  const part =
    whole ?? stopping.adopt(readMembers(reading, own, content.plan.included), ({ stop }) => stop())
  const [written, changelog] = await Promise.all([
    writeArchive(first, part, output, context.signal),
    changelogInTurns(rootOf(task), content.changes),
  ])
  progress.end()
  return { ...written, changelog, notes: noteSockets(tree, volume) }
}

function readingOf(
  { signal }: ActionContext,
  { snapshot, volume }: ExportTask,
  onProgress: DataReading['onProgress'],
): DataReading {
  const { contents } = snapshot.record.volumes.find(({ id }) => id === volume) ?? {}
  const { files: totalFiles = 0, bytes: totalBytes = 0 } = contents ?? {}
  return { directory: snapshot.path, volume, totalFiles, totalBytes, onProgress, signal }
}

function writeOwn(
  { snapshot, base, volume }: ExportTask,
  room: Room,
  tree: ArchivedTree,
  { plan, patches, digests, baseDigests }: Content,
): string[] {
  return writeOwnFiles(room.here, {
    header: {
      volume,
      snapshot: snapshot.name,
      base: base.snapshot?.name,
      depth: base.depth,
      ...countListing(tree.entries),
      digests,
      baseDigests,
    },
    record: snapshot.record,
    plan,
    patches,
  })
}

const changesPerTurn = 1000

/** Others have their turn meanwhile, such as whoever writes the archive. */
async function changelogInTurns(root: string, changes: readonly Change[]): Promise<string> {
  let changelog = ''
  for (let at = 0; at < changes.length; at += changesPerTurn) {
    changelog += changelogOf(root, changes.slice(at, at + changesPerTurn))
    await nextTurn()
  }
  return changelog
}

/** Where the application has the volume. */
function rootOf({ snapshot, volume }: ExportTask): string {
  return snapshot.record.volumes.find(({ id }) => id === volume)?.path ?? `/${volume}`
}

/** Nobody reads the contents for it: zstd has a checksum of all. */
async function describeFull(
  { entries }: ArchivedTree,
  signal: AbortSignal | undefined,
): Promise<Content> {
  // tar finds the members by itself
  const specials = new Map([...entries].filter(([, entry]) => isSpecial(entry)))
  const changes = Array.from(entries, ([path, { type }]): Change => {
    return { kind: 'added', path, type, size: { from: null, to: null } }
  })
  return {
    plan: planArchive(emptyTree, { ...emptyTree, entries: specials }, () => false),
    patches: [],
    digests: { ...(await digestListing(entries, signal)), contents: undefined },
    baseDigests: undefined,
    changes,
  }
}

async function describeIncrement(
  context: ActionContext,
  { volume, snapshot, digests }: ExportTask,
  base: Snapshot,
  after: ArchivedTree,
  directory: string,
): Promise<Content> {
  const { signal } = context
  using before = await openArchivedTree(context, base, volume)
  const trees = await planned({ before, after }, signal)
  const isLarge = largeOnes(before, after)

  const { large } = planArchive(trees.before, trees.after, isLarge)
  const patches = await makePatches({ before, after, directory, digests, signal }, large)
  const patched = new Set(patches.map(({ path }) => path))

  const found = await diff(context, {
    from: base.name,
    to: snapshot.name,
    volumes: [volume],
    paths: [],
  })
  return {
    plan: planArchive(trees.before, trees.after, (path) => patched.has(path)),
    patches,
    digests: {
      ...(await digestListing(after.entries, signal)),
      contents: digestContents(await digests.of(after)),
    },
    baseDigests: {
      listing: (await digestListing(before.entries, signal)).listing,
      contents: digestContents(await digests.of(before)),
    },
    changes: found.volumes.flatMap(({ changes }) => changes),
  }
}

/** They are nothing without the process that made them, and it makes them again. */
function noteSockets({ entries }: ArchivedTree, volume: string): RecordWarning[] {
  const sockets = [...entries].filter(([, entry]) => !isKept(entry)).map(([path]) => path)
  if (sockets.length === 0) return []
  const message = `${counted(sockets.length, '{socket is|sockets are}')} not in the archive of ${volume}: what listens there makes such anew`
  return [{ code: 'sockets', volume, message, paths: sockets.slice(0, 100).map(escapePath) }]
}

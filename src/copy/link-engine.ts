import { writeFileSync } from 'node:fs'
import { syncFilesystem } from '../store/durable.ts'
import type { RecordWarning } from '../store/record.ts'
import { type DirectoryHandle, openDirectory } from '../system/directory-handle.ts'
import { hasNoWriteback } from '../system/writeback.ts'
import { bytePath } from '../system/byte-path.ts'
import { awaitNewCtimes } from './await-new-ctimes.ts'
import { copyFiles } from './copy-files.ts'
import { correctIndex } from './correct-index.ts'
import type { CopyEngine, SnapshotCopy, SnapshotRequest } from './engine.ts'
import { finishDirectories, warnOfDirectories } from './finish-directories.ts'
import { restoreByComparison } from './link-restore.ts'
import { planByComparison } from './link-restore-plan.ts'
import { type Spare, asSpareError, moveFromSpare, openSpare } from './move-spare.ts'
import { rsyncEngine } from './rsync-engine.ts'
import { type RsyncTrees, rsyncFiles, separateMergedPaths } from './rsync-files.ts'
import { readProgress } from './rsync-output.ts'
import { eachPath } from './scan/path-list.ts'
import { readSourceIndex } from './scan/read-index.ts'
import type { CopyList } from './scan/scan-report.ts'
import type { ScanRoot, StagedEntries } from './scan/scan-task.ts'
import type { ScanResult } from './scan/scan-result.ts'
import { scanTree } from './scan/scan-tree.ts'
import { warmUpWorkers } from './scan/scan-workers.ts'
import { sealTree } from './scan/seal-tree.ts'
import {
  type Generation,
  SourceIndex,
  firstGeneration,
  formatIndex,
  generationAfter,
} from './scan/source-index.ts'
import { youthBegins } from './scan/young-ctimes.ts'
import { tearGroups } from './tear-groups.ts'
import { type Copied, settleCopies } from './settle.ts'
import { takeOverSpare } from './take-over-spare.ts'
import { TreeReader } from './tree-reader.ts'

/**
 * Links what provably did not change; cp and rsync do everything else. The proof is the source index
 * (scan/source-index.ts), so what was modified while keeping its size and times is looked at too.
 */
export const linkEngine: CopyEngine = {
  name: 'link',
  hasSecondPass: true,
  warmUp: warmUpWorkers,
  snapshot: snapshotByLinks,
  planRestore: async (request, onStep) =>
    request.readAll ? rsyncEngine.planRestore(request, onStep) : planByComparison(request, onStep),
  restore: async (request) =>
    request.readAll ? rsyncEngine.restore(request) : restoreByComparison(request),
}

async function snapshotByLinks(request: SnapshotRequest): Promise<SnapshotCopy> {
  const index = readSourceIndex(request.baseIndex)
  const generation = index === undefined ? firstGeneration() : generationAfter(index)
  const isProvable = index !== undefined && !hasNoWriteback(request.source.here)
  if (isProvable && takeOverSpare(request.spare, index, request.target)) {
    return copyOnce(request, { staged: 'base', index, spare: undefined, generation }).catch(
      (error: unknown) => {
        throw asSpareError(error)
      },
    )
  }
  const spare = openSpare(request.spare)
  // closes it
  using _tree = spare?.tree
  return await copyOnce(request, { staged: 'nothing', index, spare, generation })
}

/** What a pass over the source can rely on. */
interface Pass {
  staged: StagedEntries
  index: Buffer | undefined
  spare: Spare | undefined
  generation: Generation
}

async function copyOnce(
  request: SnapshotRequest,
  pass: Pass,
  onRead?: () => void,
): Promise<SnapshotCopy> {
  const { source, target, lockDescriptor, signal, onProgress } = request
  using staging = openDirectory(target)
  const trees: RsyncTrees = {
    source,
    target,
    staging: staging.here,
    lockDescriptor,
    signal,
    onOutput: readProgress(onProgress),
  }
  const { scan, copied, reflink } = await copyScanned(request, pass, trees, staging)
  // the disk begins to write; publishing waits for what is left
  const writing = syncFilesystem(target)
  writing.catch(() => undefined)
  const scanned = formatIndex(pass.generation, scan.index)
  const { warnings, hasMoved, index } = await finishCopies(trees, scan, copied, scanned).catch(
    async (error: unknown) => failAfter(writing, error),
  )
  writeFileSync(request.index, index, { mode: 0o600 })
  onRead?.()
  await writing
  const added = countAdded(staging.here, request.base, scan)
  if (pass.spare !== undefined) await moveFromSpare(pass.spare, trees, scan.moves)
  writeFileSync(request.seal, sealTree(target, index), { mode: 0o600 })
  return {
    contents: { ...scan.counts, ...added },
    reflink,
    hasMoved,
    warnings: [...warnOfScan(scan), ...warnings],
    ...(pass.spare === undefined && { update: updating(request, { ...pass, index }) }),
  }
}

/** A second try must not hide that what this one wrote is not on the disk: the kernel says so once. */
async function failAfter(writing: Promise<void>, error: unknown): Promise<never> {
  await writing
  throw error
}

function updating(request: SnapshotRequest, pass: Pass): NonNullable<SnapshotCopy['update']> {
  return async (onRead) => copyOnce(request, { ...pass, staged: 'first-pass' }, onRead)
}

async function finishCopies(
  trees: RsyncTrees,
  scan: ScanResult,
  copied: readonly Copied[],
  index: Buffer,
): Promise<{ warnings: RecordWarning[]; hasMoved: boolean; index: Buffer }> {
  const files = await settleCopies(trees, copied, scan.vanished)
  // last, because what is written into a directory moves its times
  const directories = await finishDirectories(trees, scan.directories, new SourceIndex(index))
  const { vanished, missed } = directories
  return {
    warnings: [...files.warnings, ...warnOfDirectories(directories)],
    hasMoved: files.hasMoved || vanished.length + missed.length > 0,
    index: correctIndex(index, scan, files.unproven, directories),
  }
}

/** Links and copies; what is left are the attributes of directories, and another look at the copies. */
async function copyScanned(
  request: SnapshotRequest,
  pass: Pass,
  trees: RsyncTrees,
  staging: DirectoryHandle,
): Promise<{ scan: ScanResult; copied: Copied[]; reflink: boolean | undefined }> {
  const youngNs = youthBegins()
  const scan = tearGroups(trees.staging, await scanSource(request, pass, staging, youngNs))
  await awaitNewCtimes(trees.source.cwd, [scan.changed, scan.suspects], youngNs)
  await copySuspects(trees, request.base, scan.suspects)
  const { isComplete, reflink } = await copyFiles(trees, scan.changed, request.onProgress)
  return {
    scan,
    reflink,
    copied: [
      { list: scan.changed, isComplete },
      { list: scan.suspects, isComplete: false },
    ],
  }
}

async function scanSource(
  request: SnapshotRequest,
  { staged, index, spare, generation }: Pass,
  staging: DirectoryHandle,
  youngNs: bigint,
): Promise<ScanResult> {
  const { source, base, signal, onProgress } = request
  // a store to a page that is dirty and mapped moves no ctime; the first one after it was written back does
  await syncFilesystem(source.cwd)
  const isProvable = !hasNoWriteback(source.here)
  using openBase = base === undefined ? undefined : openDirectory(base)
  let files = 0
  return await scanTree({
    source: scanRoot(source),
    base: openBase === undefined ? undefined : scanRoot(openBase),
    staging: scanRoot(staging),
    index: isProvable ? index : undefined,
    spare: spare === undefined ? undefined : { ...spare, tree: scanRoot(spare.tree) },
    staged,
    generation: generation.number,
    youngNs,
    signal,
    onReport: (report) => {
      files += report.counts.files
      onProgress({ files, totalFiles: files, bytes: 0, fraction: 0 })
    },
  })
}

function scanRoot({ descriptor, path }: DirectoryHandle): ScanRoot {
  return { descriptor, path: bytePath(path) }
}

/** What differs from the base is copied, what turns out equal is linked. */
async function copySuspects(
  trees: RsyncTrees,
  base: string | undefined,
  { paths }: CopyList,
): Promise<void> {
  const compared = base === undefined ? [] : ['--checksum', `--link-dest=${base}`]
  await rsyncFiles(trees, paths, ['--info=progress2', ...compared])
  await separateMergedPaths(trees, eachPath(paths))
}

/**
 * What does not share its inode with the base: all that changed, suspects that turned out different, and what
 * the first pass copied.
 */
function countAdded(
  staging: string,
  base: string | undefined,
  scan: ScanResult,
): { addedFiles: number; addedBytes: number } {
  let addedFiles = scan.changed.files + scan.kept.files
  let addedBytes = scan.changed.bytes + scan.kept.bytes
  using reader = new TreeReader(staging)
  using shared = base === undefined ? undefined : new TreeReader(bytePath(base))
  const counted = new Set<bigint>()
  for (const path of eachPath(scan.suspects.paths)) {
    const stat = reader.lstat(path)
    if (stat?.isFile() !== true || shared?.lstat(path)?.ino === stat.ino) continue
    addedFiles += 1
    if (!counted.has(stat.ino)) addedBytes += Number(stat.size)
    counted.add(stat.ino)
  }
  return { addedFiles, addedBytes }
}

function warnOfScan({ tooManyLinks, missingInBase }: ScanResult): RecordWarning[] {
  const warnings: RecordWarning[] = []
  if (tooManyLinks > 0) {
    warnings.push({
      code: 'too-many-links',
      message: `${tooManyLinks} unchanged files were copied, because the filesystem allows no more links to them`,
    })
  }
  if (missingInBase > 0) {
    warnings.push({
      code: 'base-damaged',
      message: `${missingInBase} unchanged files were copied, because the snapshot before does not have them any more`,
    })
  }
  return warnings
}

import { closeSync, openSync, writeFileSync } from 'node:fs'
import { syncFilesystem } from '../store/durable.ts'
import type { RecordWarning } from '../store/record.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { hasNoWriteback } from '../system/writeback.ts'
import type { BytePath } from '../system/byte-path.ts'
import type { CopyEngine, RestoreRequest, SnapshotCopy, SnapshotRequest } from './engine.ts'
import { planByComparison, restoreByComparison } from './link-restore.ts'
import { reflinkFiles } from './reflink.ts'
import { rsync } from './rsync-command.ts'
import { rsyncEngine } from './rsync-engine.ts'
import { type RsyncTrees, rsyncFiles, rsyncRoot, separateMergedPaths } from './rsync-files.ts'
import { readProgress, vanishedPaths } from './rsync-output.ts'
import { eachPath, listPaths } from './scan/path-list.ts'
import { readIndex } from './scan/read-index.ts'
import type { ScanResult } from './scan/scan-result.ts'
import { scanTree } from './scan/scan-tree.ts'
import { formatIndex } from './scan/source-index.ts'
import { tearGroups } from './tear-groups.ts'
import { settleCopies } from './settle.ts'
import { TreeReader } from './tree-reader.ts'
import { warnOfPaths } from './warnings.ts'

/**
 * A change within this time before a scan may get the ctime that the scan sees, once more: the kernel's clock
 * for ctimes moves in steps of up to 10 ms.
 */
const youngMs = 100

/**
 * Links what provably did not change; rsync does everything else. The proof is the source index
 * (scan/source-index.ts), so what was modified while keeping its size and times is looked at too.
 */
export const linkEngine: CopyEngine = {
  name: 'link',
  canRefill: true,
  snapshot: snapshotByLinks,
  planRestore: async (request, onStep) =>
    mustReadAll(request)
      ? rsyncEngine.planRestore(request, onStep)
      : planByComparison(request, onStep),
  restore: async (request) =>
    mustReadAll(request) ? rsyncEngine.restore(request) : restoreByComparison(request),
}

/** Link groups are restored by looking at all of them together, which rsync does. */
function mustReadAll({ readAll, hasLinkGroups }: RestoreRequest): boolean {
  return readAll || hasLinkGroups
}

async function snapshotByLinks(request: SnapshotRequest): Promise<SnapshotCopy> {
  const { source, target, lockDescriptor, signal, onProgress } = request
  const staged = openDirectory(target)
  try {
    const trees: RsyncTrees = {
      source,
      target,
      staging: staged.here,
      lockDescriptor,
      signal,
      onOutput: readProgress(onProgress),
    }
    const scan = tearGroups(staged.here, await scanSource(request, staged.descriptor))
    writeFileSync(request.index, formatIndex(scan.index), { mode: 0o600 })
    const vanished =
      request.base === undefined
        ? await copyAll(request)
        : await copyListed(trees, request.base, scan)
    const warnings = await settleCopies(trees, [scan.changed, scan.suspects])
    await rsyncRoot(trees)
    return {
      contents: { ...scan.counts, ...countAdded(staged.here, scan) },
      warnings: [
        ...warnOfPaths('vanished', 'vanished while they were read', vanished),
        ...warnOfScan(scan),
        ...warnings,
      ],
    }
  } finally {
    staged.close()
  }
}

async function scanSource(request: SnapshotRequest, staging: number): Promise<ScanResult> {
  const { source, base, baseIndex, signal } = request
  const youngNs = BigInt(Date.now() - youngMs) * 1_000_000n
  // a store to a page that is dirty and mapped moves no ctime; the first one after it was written back does
  await syncFilesystem(source.cwd)
  const isProvable = !hasNoWriteback(source.here)
  const baseDescriptor = base === undefined ? undefined : openSync(base, 'r')
  try {
    return await scanTree({
      source: source.descriptor,
      base: baseDescriptor,
      staging,
      index: isProvable ? readIndex(baseIndex) : undefined,
      refill: request.refill,
      youngNs,
      signal,
    })
  } finally {
    if (baseDescriptor !== undefined) closeSync(baseDescriptor)
  }
}

/** The first snapshot: rsync walks the tree itself, which costs less memory than a list of all. */
async function copyAll(request: SnapshotRequest): Promise<string[]> {
  const { source, target, lockDescriptor, signal, onProgress } = request
  const { stderr } = await rsync(['--info=progress2', '--', './', `${target}/`], {
    cwd: source.cwd,
    mayVanish: true,
    lockDescriptor,
    signal,
    onOutput: readProgress(onProgress),
  })
  return vanishedPaths(stderr)
}

/** Directories come with the last call, because every file that is written gives its directory a new mtime. */
async function copyListed(trees: RsyncTrees, base: string, scan: ScanResult): Promise<string[]> {
  const vanished = await rsyncFiles(trees, scan.suspects.paths, [
    '--checksum',
    `--link-dest=${base}`,
  ])
  await separateMergedPaths(trees, eachPath(scan.suspects.paths))
  const cloned = reflinkFiles(trees.source.here, trees.staging, scan.changed.paths)
  // sizes are right, contents were taken by the clone: what is left are the attributes
  vanished.push(...(await rsyncFiles(trees, listPaths(cloned), ['--size-only'])))
  const rest = without(scan.changed.paths, cloned)
  const everything = Buffer.concat([rest, scan.directories])
  vanished.push(...(await rsyncFiles(trees, everything, ['--info=progress2'])))
  return vanished
}

function without(paths: Uint8Array, some: readonly BytePath[]): Uint8Array {
  if (some.length === 0) return paths
  const left = new Set(some)
  return listPaths([...eachPath(paths)].filter((path) => !left.has(path)))
}

/** What does not share its inode with the base: all that changed, and suspects that turned out different. */
function countAdded(staging: string, scan: ScanResult): { addedFiles: number; addedBytes: number } {
  let addedFiles = scan.changed.seen.length / 2
  let addedBytes = scan.changed.bytes
  const reader = new TreeReader(staging)
  for (const path of eachPath(scan.suspects.paths)) {
    const stat = reader.lstat(path)
    if (stat?.isFile() !== true || stat.nlink > 1n) continue
    addedFiles += 1
    addedBytes += Number(stat.size)
  }
  reader.close()
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

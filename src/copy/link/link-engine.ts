import { lstatSync, writeFileSync } from 'node:fs'
import { syncFilesystem } from '../../store/durable.ts'
import type { RecordWarning } from '../../store/record.ts'
import { type DirectoryHandle, openDirectory } from '../../tree/directory-handle.ts'
import { type BytePath, bytePath } from '../../tree/byte-path.ts'
import { PathList, eachPath } from '../../tree/path-list.ts'
import { walkTree } from '../../tree/walk-tree.ts'
import { identifyMount } from '../../system/mounted-filesystem.ts'
import { foreignMounts } from '../../system/mounts.ts'
import { awaitNewCtimes } from './await-new-ctimes.ts'
import { copyFiles } from '../programs/copy-files.ts'
import { verifyAndCopy } from './verify-and-copy.ts'
import { correctIndex } from './correct-index.ts'
import { countAdded } from '../scan/count-added.ts'
import type { CopyEngine, SnapshotCopy, SnapshotRequest } from '../engine.ts'
import { finishDirectories, warnOfDirectories } from './finish-directories.ts'
import { LeftOutAttributes, canBeKeptNow } from '../left-out-attributes.ts'
import { changedHistory, warnOfScan } from '../scan/scan-warnings.ts'
import { racyCutoff } from '../index/proof.ts'
import { planByComparison } from '../restore/restore-by-comparison.ts'
import { copyRootAttributes } from '../programs/root-attributes.ts'
import type { RsyncTrees } from '../programs/copy-listed.ts'
import { readProgress } from '../programs/rsync-output.ts'
import { readIndex } from '../index/read-index.ts'
import type { ScanResult } from '../scan/report.ts'
import { warmUpWorkers } from '../scan/scan-workers.ts'
import { type IndexHeader, formatIndex, readHeader, writeHeader } from '../index/header.ts'
import { SourceIndex } from '../index/source-index.ts'
import { recopyWholeLinkGroups } from './relink-groups.ts'
import { type Copied, recopyChangedFiles } from './recopy.ts'
import { type Pass, scanSource } from './scan-source.ts'
import { surveyTree } from '../programs/survey.ts'

/**
 * Links what provably did not change (copy/index/proof.ts); cp and rsync do everything else.
 * docs/internals/link-engine.md says why:
 *
 * 1. scan: what is unchanged is linked from the base, or stays where the links were made in
 *    advance; the rest is listed
 * 2. what looks like a file of the base (`toVerify`) is compared with it by content; the rest
 *    (`toCopy`) is copied
 * 3. what moved meanwhile is copied again
 * 4. directories get their attributes, last
 * 5. the index of the scan is written for the next snapshot
 */
export const linkEngine: CopyEngine = {
  name: 'link',
  hasSecondPass: true,
  usesPrelinked: true,
  warmUp: warmUpWorkers,
  snapshot: snapshotByLinks,
  planRestore: planByComparison,
}

async function snapshotByLinks(request: SnapshotRequest): Promise<SnapshotCopy> {
  const { source, base, baseLeftOut, isPrelinked, isTwoPass } = request
  const mount = await identifyMount(source)
  const known = readProof(request, mount)
  const leftOut = new LeftOutAttributes()
  const carried = known.isProof ? baseLeftOut : undefined
  const passes = { carried, mount, base, isFilled: isPrelinked, isLast: !isTwoPass, leftOut }
  return copyOnce(request, { ...known, ...passes })
}

/** An index tells of no other mount and of no other tree than those it was written for. */
function readProof(
  { base, baseIndex, baseLeftOut, provesNothing }: SnapshotRequest,
  mount: string | undefined,
): Pick<Pass, 'index' | 'isProof'> {
  const index = readIndex(baseIndex)
  if (index === undefined || base === undefined) return { index: undefined, isProof: false }

  const { mount: seenMount, tree } = readHeader(index)
  const root = lstatSync(base, { bigint: true })
  if (mount === undefined || mount !== seenMount || root.ino !== tree.ino) {
    return { index: undefined, isProof: false }
  }

  // files that did not change lack in the base what can be kept now
  const provesLittle = provesNothing || canBeKeptNow(baseLeftOut)
  // with another ctime somebody changed the base: what it was is still known
  return { index, isProof: root.ctimeNs === tree.ctimeNs && !provesLittle }
}

async function copyOnce(
  request: SnapshotRequest,
  pass: Pass,
  onRead?: () => void,
): Promise<SnapshotCopy> {
  const { source, target, leavesUnreadable, lockDescriptor, signal, onProgress } = request
  using staging = openDirectory(target)
  const trees: RsyncTrees = {
    source,
    staging: { cwd: target, here: staging.here },
    leavesUnreadable,
    lockDescriptor,
    signal,
    onOutput: readProgress(onProgress),
    leftOut: pass.leftOut,
  }

  const racyCutoffNs = racyCutoff()
  const { scan, copied, reflink } = await copyScanned(request, pass, trees, staging, racyCutoffNs)
  // the disk begins to write; publishing waits for what is left
  const writing = syncFilesystem(target)
  writing.catch(() => undefined)

  const header: IndexHeader = { mount: pass.mount, tree: { ino: 0n, ctimeNs: 0n }, racyCutoffNs }
  const index = formatIndex(header, scan.index)
  const finished = await finishCopies(trees, scan, copied, index, pass.isLast).catch(
    async (error: unknown) => failAfter(writing, error),
  )

  writeHeader(index, { ...header, tree: lstatSync(`${staging.here}/.`, { bigint: true }) })
  writeFileSync(request.index, index, { mode: 0o600 })
  onRead?.()
  await writing
  const lists = [scan.toCopy, scan.toVerify, scan.directories].map(({ paths }) => paths)
  await pass.leftOut.look(source.cwd, lists, signal)
  const listAll = async (): Promise<Buffer> => listCopied(source, staging, signal)
  await pass.leftOut.carryOver(source.cwd, pass.carried, listAll, signal)
  return {
    contents:
      finished.unreadable.length === 0
        ? { ...scan.contents, ...countAdded(staging.here, request.base, scan) }
        : (await surveyTree(staging.here, signal)).contents,
    reflink,
    hasMoved: finished.hasMoved,
    warnings: [...warnOfScan(scan), ...finished.warnings, ...pass.leftOut.warnings()],
    unreadable: finished.unreadable,
    historyChanged: changedHistory(scan),
    update: updating(request, pass, index),
  }
}

/** Nobody looks at what is mounted in the source. */
async function listCopied(
  { path }: DirectoryHandle,
  { here }: DirectoryHandle,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const mounts = foreignMounts(bytePath(path))
  const list = new PathList()
  list.add('.')
  for await (const entry of walkTree(here, signal, [''], mounts)) list.add(entry.path)
  return list.bytes()
}

/**
 * A second try must not hide that what this one wrote is not on the disk: the kernel says so once.
 */
async function failAfter(writing: Promise<void>, error: unknown): Promise<never> {
  await writing
  throw error
}

function updating(
  request: SnapshotRequest,
  { mount, leftOut, carried }: Pass,
  index: Buffer,
): NonNullable<SnapshotCopy['update']> {
  const isProof = mount !== undefined
  const pass: Pass = {
    mount,
    index: isProof ? index : undefined,
    isProof,
    base: isProof ? undefined : request.base,
    isFilled: true,
    isLast: true,
    leftOut,
    carried,
  }
  return async (onRead) => copyOnce(request, pass, onRead)
}

async function finishCopies(
  trees: RsyncTrees,
  scan: ScanResult,
  copied: readonly Copied[],
  index: Buffer,
  isLast: boolean,
): Promise<{ warnings: RecordWarning[]; hasMoved: boolean; unreadable: BytePath[] }> {
  const files = await recopyChangedFiles(trees, copied, scan.vanished.paths)
  // last, because what is written into a directory moves its times
  const directories = await finishDirectories(trees, scan.directories.paths, new SourceIndex(index))
  if (isLast) await copyRootAttributes(trees)
  correctIndex(index, scan, files.unproven, directories)
  const { vanished, missed } = directories

  return {
    warnings: [...files.warnings, ...warnOfDirectories(directories)],
    hasMoved: files.hasMoved || vanished.length + missed.length > 0,
    unreadable:
      trees.leavesUnreadable === true ? [...eachPath(scan.unreadable.paths), ...files.unread] : [],
  }
}

/**
 * Links and copies; what is left are the attributes of directories, and another look at the copies.
 */
async function copyScanned(
  request: SnapshotRequest,
  pass: Pass,
  trees: RsyncTrees,
  staging: DirectoryHandle,
  racyCutoffNs: bigint,
): Promise<{ scan: ScanResult; copied: Copied[]; reflink: boolean | undefined }> {
  const scanned = await scanSource(request, pass, staging, racyCutoffNs)
  const scan = recopyWholeLinkGroups(trees.staging.here, scanned)
  await awaitNewCtimes(trees.source.cwd, [scan.toCopy, scan.toVerify], racyCutoffNs)
  await verifyAndCopy(trees, request.base, scan, request.onProgress)
  const { isComplete, reflink } = await copyFiles(trees, scan.toCopy, request.onProgress)

  return {
    scan,
    reflink,
    copied: [
      { list: scan.toCopy, isComplete },
      { list: scan.toVerify, isComplete: false },
    ],
  }
}

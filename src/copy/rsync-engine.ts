import { chmodSync } from 'node:fs'
import { maySetSecurityAttributes } from '../system/privileges.ts'
import { type BytePath, parentOf, systemPath } from '../tree/byte-path.ts'
import { type DirectoryHandle, openDirectory } from '../tree/directory-handle.ts'
import { type Excludes, compileExcludes, isWithin } from '../tree/excludes.ts'
import { PathList, listPaths } from '../tree/path-list.ts'
import { TreeReader } from '../tree/tree-reader.ts'
import { walkTree } from '../tree/walk-tree.ts'
import type { CopyEngine, SnapshotCopy, SnapshotRequest } from './engine.ts'
import { filesFrom } from './programs/files-from.ts'
import { LeftOutAttributes } from './left-out-attributes.ts'
import { recopyCapabilities } from './programs/lost-capabilities.ts'
import { mountedDirectories } from './programs/mounted-directories.ts'
import { planByComparison } from './restore/restore-by-comparison.ts'
import { copyRootAttributes } from './programs/root-attributes.ts'
import { rsync } from './programs/rsync-command.ts'
import { readProgress, vanishedPaths } from './programs/rsync-output.ts'
import { type RsyncTrees, rsyncDirectories, separateMergedPaths } from './programs/copy-listed.ts'
import { surveyTree } from './programs/survey.ts'
import { warnOfPaths } from './warnings.ts'

/** rsync itself does it all: the reference that other engines are held against. */
export const rsyncEngine: CopyEngine = {
  name: 'rsync',
  hasSecondPass: false,
  usesPrelinked: false,
  snapshot: snapshotByRsync,
  // it leaves no index, so nothing is proven
  planRestore: planByComparison,
}

async function snapshotByRsync(request: SnapshotRequest): Promise<SnapshotCopy> {
  const { source, target, base, exclude, checksum, lockDescriptor, signal, onProgress } = request
  const leftOut = new LeftOutAttributes()

  const mounts = mountedDirectories(source)
  const listed =
    mounts.size === 0
      ? undefined
      : filesFrom(await listAround(source, compileExcludes(exclude, mounts), signal))
  const { stderr } = await rsync(
    [
      '--info=progress2',
      ...(checksum ? ['--checksum'] : []),
      ...(listed === undefined ? exclude.map((pattern) => `--exclude=${pattern}`) : []),
      ...(base === undefined ? [] : [`--link-dest=${base}`]),
      ...(listed === undefined ? [] : [...listed.options, '--ignore-missing-args']),
      '--',
      './',
      `${target}/`,
    ],
    {
      cwd: source.cwd,
      mayVanish: true,
      lockDescriptor,
      signal,
      leftOut,
      onOutput: readProgress(onProgress),
      ...(listed === undefined ? {} : { input: listed.input }),
    },
  )

  using staged = openDirectory(target)
  const trees: RsyncTrees = {
    source,
    staging: { cwd: target, here: staged.here },
    lockDescriptor,
    signal,
    leftOut,
  }

  const corrected = base === undefined ? [] : await correctCopies(trees)
  const excludes = compileExcludes(exclude)
  const shown = [...mounts].filter((mount) => !isWithin(mount, excludes))
  stageMounts(trees, shown)

  // what is written into a directory moves its times
  const touched = [...corrected, ...shown].map(parentOf).filter((path) => path !== '')
  await rsyncDirectories(trees, listPaths(touched))
  if (base !== undefined || mounts.size > 0) await copyRootAttributes(trees)
  await lookAtAll(trees)

  return {
    contents: (await surveyTree(staged.here, signal)).contents,
    warnings: [
      ...warnOfPaths('vanished', 'vanished while {it was|they were} read', vanishedPaths(stderr)),
      ...leftOut.warnings(),
    ],
  }
}

/** What `--link-dest` makes otherwise than it is in the source. */
async function correctCopies(trees: RsyncTrees): Promise<BytePath[]> {
  const { linked } = await surveyTree(trees.staging.here, trees.signal)
  const separated = await separateMergedPaths(trees, linked)
  return [...separated, ...(await recopyCapabilities(trees, await listStaged(trees)))]
}

/**
 * All but what is left out and what is mounted: rsync would look at that, and wait for a filesystem
 * that does not answer.
 */
async function listAround(
  { here }: DirectoryHandle,
  except: Excludes,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const list = new PathList()
  for await (const { path } of walkTree(here, signal, [''], except)) list.add(path)
  return list.bytes()
}

/** Empty directories, with attributes of their own: those below a mount cannot be seen. */
function stageMounts({ staging }: RsyncTrees, mounts: readonly BytePath[]): void {
  using reader = new TreeReader(staging.here)
  for (const mount of mounts) {
    reader.makeDirectories(mount)
    reader.at(mount, (directory) => chmodSync(systemPath(directory), 0o755))
  }
}

async function lookAtAll(trees: RsyncTrees): Promise<void> {
  if (maySetSecurityAttributes()) return
  const { source, signal, leftOut } = trees
  await leftOut?.look(source.cwd, [await listStaged(trees)], signal)
}

async function listStaged({ staging, signal }: RsyncTrees): Promise<Buffer> {
  const list = new PathList()
  list.add('.')
  for await (const { path } of walkTree(staging.here, signal)) list.add(path)
  return list.bytes()
}

import type { VolumeContents } from '../store/record.ts'
import { type BytePath, bytePath } from '../system/byte-path.ts'
import { openDirectory } from '../system/directory-handle.ts'
import type {
  CopyEngine,
  RestoreCounts,
  RestoreRequest,
  RestoreStep,
  SnapshotCopy,
  SnapshotRequest,
} from './engine.ts'
import { findForeignLinks } from './link-groups.ts'
import { rsync } from './rsync-command.ts'
import { readProgress, vanishedPaths } from './rsync-output.ts'
import { rsyncDirectories, separateMergedPaths, unlinkAll } from './rsync-files.ts'
import { rsyncCounting } from './rsync-steps.ts'
import { removeBelow } from './remove-entry.ts'
import { listPaths } from './scan/path-list.ts'
import { type Survey, surveyTree } from './survey.ts'
import { TreeReader } from './tree-reader.ts'
import { warnOfPaths } from './warnings.ts'

/** rsync itself does it all: the reference that other engines are held against. */
export const rsyncEngine: CopyEngine = {
  name: 'rsync',
  hasSecondPass: false,
  snapshot: snapshotByRsync,
  planRestore: planRestoreByRsync,
  restore: restoreByRsync,
}

async function snapshotByRsync(request: SnapshotRequest): Promise<SnapshotCopy> {
  const { source, target, base, checksum, lockDescriptor, signal, onProgress } = request
  const { stderr } = await rsync(
    [
      '--info=progress2',
      ...(checksum ? ['--checksum'] : []),
      ...(base === undefined ? [] : [`--link-dest=${base}`]),
      '--',
      './',
      `${target}/`,
    ],
    {
      cwd: source.cwd,
      mayVanish: true,
      lockDescriptor,
      signal,
      onOutput: readProgress(onProgress),
    },
  )
  using staged = openDirectory(target)
  const trees = { source, target, staging: staged.here, lockDescriptor, signal }
  if (base !== undefined) {
    const { linked } = await surveyTree(staged.here, signal)
    await separateMergedPaths(
      trees,
      linked.flatMap(({ paths }) => paths),
    )
    await rsyncDirectories(trees, listPaths(['.']))
  }
  return {
    contents: contentsOf(await surveyTree(staged.here, signal)),
    warnings: warnOfPaths('vanished', 'vanished while they were read', vanishedPaths(stderr)),
  }
}

function contentsOf(survey: Survey): VolumeContents {
  const { files, directories, symlinks, specials, bytes, ownFiles, ownBytes, linked } = survey
  return {
    files,
    directories,
    symlinks,
    specials,
    linkGroups: linked.filter(({ paths }) => paths.length > 1).length,
    bytes,
    addedFiles: ownFiles,
    addedBytes: ownBytes,
  }
}

async function restoreByRsync(request: RestoreRequest): Promise<RestoreCounts> {
  const { source, target, signal, onProgress } = request
  const except = new Set(request.except.map(bytePath))
  const snapshot = await surveyTree(source.here, signal)
  removeDirectoriesFor(snapshot, target.here, except)
  const live = await surveyTree(target.here, signal, except)
  unlinkAll(target.here, findForeignLinks(snapshot, live))
  return countRestore(request, ['--info=progress2'], readProgress(onProgress), () => undefined)
}

/** rsync -H -A fails where a directory stands in the place of a later name of a file. */
function removeDirectoriesFor(
  snapshot: Survey,
  target: BytePath,
  except: ReadonlySet<BytePath>,
): void {
  using reader = new TreeReader(target)
  const names = snapshot.linked.filter(({ paths }) => paths.length > 1)
  for (const path of names.flatMap(({ paths }) => paths)) {
    if (reader.lstat(path)?.isDirectory() === true) removeBelow(reader, path, except)
  }
}

async function planRestoreByRsync(
  request: RestoreRequest,
  onStep: (step: RestoreStep) => void,
): Promise<RestoreCounts> {
  return countRestore(request, ['--dry-run'], () => undefined, onStep)
}

async function countRestore(
  request: RestoreRequest,
  options: readonly string[],
  onOutput: (chunk: Buffer) => void,
  onStep: (step: RestoreStep) => void,
): Promise<RestoreCounts> {
  const { target, lockDescriptor, signal } = request
  const place = { cwd: target.cwd, lockDescriptor, signal, onOutput }
  return rsyncCounting([...options, ...restoreArguments(request)], place, onStep)
}

function restoreArguments({ source, except }: RestoreRequest): string[] {
  return [
    '--delete',
    '--checksum',
    ...except.map((path) => `--exclude=/${escapePattern(path)}`),
    '--',
    `${source.path}/`,
    './',
  ]
}

/** A path as a filter pattern that matches nothing else (rsync(1), "PATTERN MATCHING RULES"). */
function escapePattern(path: string): string {
  return /[*?[]/.test(path) ? path.replace(/[\\*?[]/g, '\\$&') : path
}

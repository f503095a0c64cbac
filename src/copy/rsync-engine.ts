import { parentOf } from '../tree/byte-path.ts'
import { openDirectory } from '../tree/directory-handle.ts'
import type { CopyEngine, SnapshotCopy, SnapshotRequest } from './engine.ts'
import { planByComparison } from './restore-by-comparison.ts'
import { copyRootAttributes } from './root-attributes.ts'
import { rsync } from './rsync-command.ts'
import { readProgress, vanishedPaths } from './rsync-output.ts'
import { rsyncDirectories, separateMergedPaths } from './rsync-files.ts'
import { listPaths } from '../tree/path-list.ts'
import { surveyTree } from './survey.ts'
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
    const separated = await separateMergedPaths(trees, linked)
    // what is written into a directory moves its times
    await rsyncDirectories(trees, listPaths(separated.map(parentOf).filter((path) => path !== '')))
    await copyRootAttributes(trees)
  }
  return {
    contents: (await surveyTree(staged.here, signal)).contents,
    warnings: warnOfPaths(
      'vanished',
      'vanished while {it was|they were} read',
      vanishedPaths(stderr),
    ),
  }
}

import type { RestoreCounts, RestoreRequest, RestoreStep } from './engine.ts'
import { type Comparison, type Difference, compareLive } from './compare-live.ts'
import { filesFrom } from './files-from.ts'
import { replaceByReflinks } from './reflink.ts'
import { removeBelow } from './remove-entry.ts'
import { readProgress } from './rsync-output.ts'
import { unlinkAll } from './rsync-files.ts'
import { rsyncCounting } from './rsync-steps.ts'
import { eachPath, listPaths } from './scan/path-list.ts'
import { readSourceIndex } from './scan/read-index.ts'
import { SourceIndex } from './scan/source-index.ts'
import { type BytePath, bytePath, displayPath } from '../system/byte-path.ts'
import { OperationError } from '../errors.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { TreeReader } from './tree-reader.ts'
import { watchDirectories } from './watch-directories.ts'

/** Makes the live data equal to a snapshot, touching only what is not provably equal already. */
export async function restoreByComparison(request: RestoreRequest): Promise<RestoreCounts> {
  const { source, target, onProgress } = request
  return withDifference(request, async (difference) => {
    removeAll(request, difference.remove)
    unlinkAll(target.here, difference.unlink)
    // clones need their directories
    await rsyncListed(request, difference.newDirectories.bytes())
    const wanted = Buffer.concat([difference.suspects.bytes(), difference.create.bytes()])
    const cloned = replaceByReflinks(source.here, target.here, wanted)
    const isCloned = new Set(cloned)
    const rest = (paths: Uint8Array): Buffer =>
      listPaths([...eachPath(paths)].filter((path) => !isCloned.has(path)))
    const output = { onOutput: readProgress(onProgress) }
    await rsyncListed(request, listPaths(cloned), ['--size-only'])
    const changed = await rsyncListed(
      request,
      rest(difference.suspects.bytes()),
      ['--checksum', '--info=progress2'],
      output,
    )
    const last = Buffer.concat([
      rest(difference.create.bytes()),
      difference.newDirectories.bytes(),
      difference.directories.bytes(),
    ])
    const created = await rsyncListed(request, last, ['--info=progress2'], output)
    await rsyncRoot(request)
    return {
      created: difference.create.count + difference.newDirectories.count,
      changed: changed.changed + cloned.length,
      deleted: difference.remove.length,
      bytes: changed.bytes + created.bytes,
    }
  })
}

/** What `restoreByComparison` would do. */
export async function planByComparison(
  request: RestoreRequest,
  onStep: (step: RestoreStep) => void,
): Promise<RestoreCounts> {
  return withDifference(request, async (difference) => {
    const { remove, create, newDirectories, suspects, directories, createdBytes } = difference
    const created = [...eachPath(newDirectories.bytes()), ...eachPath(create.bytes())]
    for (const path of remove) onStep({ action: 'delete', path: displayPath(path) })
    for (const path of created) onStep({ action: 'create', path: displayPath(path) })
    const existing = Buffer.concat([suspects.bytes(), directories.bytes()])
    const { changed, bytes } = await rsyncListed(
      request,
      existing,
      ['--dry-run', '--checksum'],
      {},
      onStep,
    )
    await rsyncRoot(request, ['--dry-run'], onStep)
    return { created: created.length, changed, deleted: remove.length, bytes: bytes + createdBytes }
  })
}

async function withDifference(
  request: RestoreRequest,
  act: (difference: Difference) => Promise<RestoreCounts>,
): Promise<RestoreCounts> {
  const { source, target, known, except, keptInodes, signal } = request
  const index = readSourceIndex(known?.index)
  const knownTree =
    known === undefined || index === undefined ? undefined : openDirectory(known.tree)
  try {
    const comparison: Comparison = {
      wanted: source.here,
      live: target.here,
      known: knownTree?.here,
      index: index === undefined ? undefined : new SourceIndex(index),
      except: new Set(except.map(bytePath)),
      keptInodes,
      signal,
    }
    return await act(await compareLive(comparison))
  } finally {
    knownTree?.close()
  }
}

function removeAll({ target, except }: RestoreRequest, paths: readonly BytePath[]): void {
  const reader = new TreeReader(target.here)
  const kept = new Set(except.map(bytePath))
  for (const path of paths) removeBelow(reader, path, kept)
  reader.close()
}

async function rsyncListed(
  { source, target, lockDescriptor, signal }: RestoreRequest,
  paths: Buffer,
  options: readonly string[] = [],
  output: { onOutput?: (chunk: Buffer) => void } = {},
  onStep?: (step: RestoreStep) => void,
): Promise<RestoreCounts> {
  if (paths.length === 0) return { created: 0, changed: 0, deleted: 0, bytes: 0 }
  const findDoubtful = await watchDirectories(source.here, eachPath(paths))
  const list = filesFrom(paths)
  const counts = await rsyncCounting(
    [...options, ...list.options, '--', `${source.path}/`, './'],
    { cwd: target.cwd, lockDescriptor, signal, input: list.input, ...output },
    onStep,
  )
  if (findDoubtful().size === 0) return counts
  throw new OperationError(
    `somebody moved directories of ${source.path} while they were read: nobody may write there; restore again`,
  )
}

/** The attributes of the root, which cannot be in a list: it would bring its contents along. */
async function rsyncRoot(
  { source, target, lockDescriptor, signal }: RestoreRequest,
  options: readonly string[] = [],
  onStep?: (step: RestoreStep) => void,
): Promise<void> {
  await rsyncCounting(
    [...options, '--exclude=*', '--', `${source.path}/`, './'],
    { cwd: target.cwd, lockDescriptor, signal },
    onStep,
  )
}

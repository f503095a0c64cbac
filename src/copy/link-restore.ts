import type { RestoreAction, RestoreCounts, RestoreRequest, RestoreStep } from './engine.ts'
import { type Comparison, type Difference, compareLive } from './compare-live.ts'
import { filesFrom } from './files-from.ts'
import { replaceByReflinks } from './reflink.ts'
import { removeBelow } from './remove-entry.ts'
import { readProgress } from './rsync-output.ts'
import { unlinkAll } from './rsync-files.ts'
import { rsyncCounting } from './rsync-steps.ts'
import { type WantedLink, findApart, makeLinks } from './restore-links.ts'
import { type PathList, eachPath, listPaths } from './scan/path-list.ts'
import { readSourceIndex } from './scan/read-index.ts'
import { SourceIndex } from './scan/source-index.ts'
import { type BytePath, bytePath } from '../system/byte-path.ts'
import { OperationError } from '../errors.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { TreeReader } from './tree-reader.ts'
import { watchDirectories } from './watch-directories.ts'

/** Makes the live data equal to a snapshot, touching only what is not provably equal already. */
export async function restoreByComparison(request: RestoreRequest): Promise<RestoreCounts> {
  const { source, target, signal, onProgress } = request
  return withDifference(request, async (difference) => {
    const { remove, unlink, suspects, create, newDirectories, directories, links } = difference
    removeAll(request, remove)
    unlinkAll(target.here, unlink)
    // clones need their directories
    await rsyncListed(request, newDirectories.bytes())
    const wanted = Buffer.concat([suspects.bytes(), create.bytes()])
    const cloned = new Set(replaceByReflinks(source.here, target.here, wanted))
    const output = { onOutput: readProgress(onProgress) }
    await rsyncListed(request, listPaths(cloned), ['--size-only'])
    const compared = await rsyncListed(
      request,
      without(suspects, cloned),
      ['--checksum', '--info=progress2'],
      output,
    )
    const copied = await rsyncListed(request, without(create, cloned), ['--info=progress2'], output)
    const linked = await makeLinks(target.here, links, signal)
    // last, because what is written into a directory moves its times
    await rsyncListed(request, Buffer.concat([newDirectories.bytes(), directories.bytes()]))
    await rsyncRoot(request)
    const clonedAnew = [...eachPath(create.bytes())].filter((path) => cloned.has(path)).length
    return {
      created: countCreated(difference),
      // those whose old file was removed count as created there
      changed:
        compared.changed +
        compared.created +
        (cloned.size - clonedAnew) +
        linked.filter(({ isThere }) => isThere).length,
      deleted: remove.length,
      bytes: compared.bytes + copied.bytes,
    }
  })
}

/** What `restoreByComparison` would do. */
export async function planByComparison(
  request: RestoreRequest,
  onStep: (step: RestoreStep) => void,
): Promise<RestoreCounts> {
  return withDifference(request, async (difference) => {
    const { remove, unlink, suspects, create, newDirectories, directories, links } = difference
    let changed = 0
    const tell = (action: RestoreAction, paths: Iterable<BytePath>): void => {
      for (const path of paths) {
        if (action === 'change') changed += 1
        onStep({ action, path })
      }
    }
    const apart = new Set(findApart(request.target.here, links))
    const along = Map.groupBy(
      links.filter((link) => link.isThere && !apart.has(link)),
      ({ first }) => first,
    )
    const tellAll = (action: RestoreAction, first: BytePath): void =>
      tell(action, [first, ...pathsOf(along.get(first) ?? [])])
    tell('delete', remove)
    for (const paths of [newDirectories, create]) tell('create', eachPath(paths.bytes()))
    tell('create', pathsOf(links.filter(({ isThere }) => !isThere)))
    tell('change', pathsOf(apart))
    const replaced = new Set(unlink)
    const { bytes } = await rsyncListed(
      request,
      Buffer.concat([suspects.bytes(), directories.bytes()]),
      ['--dry-run', '--checksum'],
      {},
      ({ action, path }) => {
        // one of another type is created anew, one of a file with other names is copied
        const isAnew = action === 'create' || replaced.has(path)
        tellAll(isAnew ? 'change' : action, path)
      },
    )
    await rsyncRoot(request, ['--dry-run'], onStep)
    return {
      created: countCreated(difference),
      changed,
      deleted: remove.length,
      bytes: bytes + difference.createdBytes,
    }
  })
}

function countCreated({ newDirectories, create, links }: Difference): number {
  return newDirectories.count + create.count + links.filter(({ isThere }) => !isThere).length
}

function* pathsOf(links: Iterable<WantedLink>): Iterable<BytePath> {
  for (const { path } of links) yield path
}

function without(list: PathList, left: ReadonlySet<BytePath>): Buffer {
  return left.size === 0
    ? list.bytes()
    : listPaths([...eachPath(list.bytes())].filter((path) => !left.has(path)))
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

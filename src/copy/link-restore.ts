import { OperationError } from '../errors.ts'
import { type BytePath, bytePath, displayPath } from '../system/byte-path.ts'
import type { RestoreCounts, RestoreRequest } from './engine.ts'
import { replaceByReflinks } from './reflink.ts'
import { removeBelow } from './remove-entry.ts'
import { countCreated, withDifference } from './restore-difference.ts'
import { type WantedLink, makeLinks } from './restore-links.ts'
import { unlinkAll } from './rsync-files.ts'
import { readProgress } from './rsync-output.ts'
import { rsyncListed, rsyncRoot } from './rsync-restore.ts'
import { listPaths } from './scan/path-list.ts'
import { TreeReader } from './tree-reader.ts'

/** Makes the live data equal to a snapshot, touching only what is not provably equal already. */
export async function restoreByComparison(request: RestoreRequest): Promise<RestoreCounts> {
  const { source, target, onProgress } = request
  return withDifference(request, async (difference) => {
    const { remove, anew, anewIfDifferent, suspects, create, newDirectories, directories, links } =
      difference
    removeAll(request, remove)
    unlinkAll(target.here, anew)
    unlinkAll(target.here, await findDifferent(request, anewIfDifferent))
    // clones need their directories
    await rsyncListed(request, newDirectories.bytes())
    const wanted = Buffer.concat([suspects.bytes(), create.bytes()])
    const cloned = new Set(replaceByReflinks(source.here, target.here, wanted))
    const progress = { onOutput: readProgress(onProgress) }
    await rsyncListed(request, listPaths(cloned), ['--size-only'])
    const compared = await rsyncListed(
      request,
      suspects.without(cloned).bytes(),
      ['--checksum', '--info=progress2'],
      progress,
    )
    const copied = await rsyncListed(
      request,
      create.without(cloned).bytes(),
      ['--info=progress2'],
      progress,
    )
    const linked = await linkAll(request, links)
    // last, because what is written into a directory moves its times
    await rsyncListed(request, Buffer.concat([newDirectories.bytes(), directories.bytes()]))
    await rsyncRoot(request)
    const clonedAnew = create.count - create.without(cloned).count
    return {
      created: countCreated(difference),
      // those whose old file was removed count as created there
      changed: compared.changed + compared.created + (cloned.size - clonedAnew) + linked,
      deleted: remove.length,
      bytes: compared.bytes + copied.bytes,
    }
  })
}

async function findDifferent(
  request: RestoreRequest,
  paths: readonly BytePath[],
): Promise<BytePath[]> {
  const told = new Set<BytePath>()
  await rsyncListed(request, listPaths(paths), ['--dry-run', '--checksum'], {}, ({ path }) =>
    told.add(path),
  )
  // the directories above them are told of too
  return paths.filter((path) => told.has(path))
}

/** Makes the links that are missing, and returns how many names got another file by that. */
async function linkAll(request: RestoreRequest, links: readonly WantedLink[]): Promise<number> {
  const { target, signal } = request
  const { made, full } = await makeLinks(target.here, links, signal)
  const changed = new Set([...pathsThere(made), ...full])
  if (full.size === 0) return changed.size
  // a file of its own has room for its names, whatever other names the old one has
  unlinkAll(target.here, full)
  await rsyncListed(request, listPaths(full))
  const again = await makeLinks(
    target.here,
    links.filter(({ first }) => full.has(first)),
    signal,
  )
  const [stillFull] = again.full
  if (stillFull !== undefined) {
    throw new OperationError(
      `the filesystem allows fewer names of one file than ${displayPath(stillFull)} has in the snapshot; restore to a filesystem like the one it is of`,
    )
  }
  for (const path of pathsThere(again.made)) changed.add(path)
  return changed.size
}

function pathsThere(links: readonly WantedLink[]): BytePath[] {
  return links.filter(({ there }) => there !== 'nothing').map(({ path }) => path)
}

function removeAll({ target, except }: RestoreRequest, paths: readonly BytePath[]): void {
  using reader = new TreeReader(target.here)
  const kept = new Set(except.map(bytePath))
  for (const path of paths) removeBelow(reader, path, kept)
}

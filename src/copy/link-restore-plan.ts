import type { BytePath } from '../system/byte-path.ts'
import type { RestoreAction, RestoreCounts, RestoreRequest, RestoreStep } from './engine.ts'
import { inTurns } from './in-turns.ts'
import { countCreated, withDifference } from './restore-difference.ts'
import { type WantedLink, linksAlong } from './restore-links.ts'
import { rsyncListed, rsyncRoot } from './rsync-restore.ts'
import { eachPath, listPaths } from './scan/path-list.ts'
import { TreeReader } from './tree-reader.ts'

/** What `restoreByComparison` would do (link-restore.ts). */
export async function planByComparison(
  request: RestoreRequest,
  onStep: (step: RestoreStep) => void,
): Promise<RestoreCounts> {
  return withDifference(request, async (difference) => {
    const { remove, anew, suspects, create, newDirectories, directories, links } = difference
    const shared = new Set(difference.anewIfDifferent)
    const along = linksAlong(links)
    let changed = 0
    const tell = (action: RestoreAction, paths: Iterable<BytePath>): void => {
      for (const path of paths) {
        if (action === 'change') changed += 1
        onStep({ action, path })
      }
    }
    const tellGroup = (action: RestoreAction, first: BytePath): void =>
      tell(action, [first, ...pathsOf(along.get(first) ?? [])])
    tell('delete', remove)
    for (const paths of [newDirectories, create]) tell('create', eachPath(paths.bytes()))
    tell('create', pathsOf(links.filter(({ there }) => there === 'nothing')))
    tell('change', pathsOf(links.filter(({ there }) => there === 'another')))
    for (const path of anew) tellGroup('change', path)
    const compared = [suspects.without(new Set(anew)).bytes(), directories.bytes()]
    const { bytes } = await rsyncListed(
      request,
      Buffer.concat(compared),
      ['--dry-run', '--checksum'],
      {},
      ({ action, path }) => {
        // one of another type is created there, and so is one with names elsewhere
        const isAnew = action === 'create' || shared.has(path)
        tellGroup(isAnew ? 'change' : action, path)
      },
    )
    await rsyncRoot(request, ['--dry-run'], onStep)
    const written = Buffer.concat([create.bytes(), listPaths(anew)])
    return {
      created: countCreated(difference),
      changed,
      deleted: remove.length,
      bytes: bytes + (await sumSizes(request, written)),
    }
  })
}

function* pathsOf(links: Iterable<WantedLink>): Iterable<BytePath> {
  for (const { path } of links) yield path
}

async function sumSizes({ source, signal }: RestoreRequest, paths: Buffer): Promise<number> {
  using reader = new TreeReader(source.here)
  let bytes = 0
  for await (const path of inTurns(eachPath(paths), signal)) {
    const stat = reader.lstat(path)
    if (stat?.isFile() === true) bytes += Number(stat.size)
  }
  return bytes
}

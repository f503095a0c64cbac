import { linkSync, mkdirSync } from 'node:fs'
import type { Listing } from '../../archive/list-digest.ts'
import { type RsyncTrees, rsyncDirectories, rsyncFiles } from '../../copy/programs/copy-listed.ts'
import { copyRootAttributes } from '../../copy/programs/root-attributes.ts'
import { errorCode } from '../../errors.ts'
import { type BytePath, nameOf, parentOf, systemPath } from '../../tree/byte-path.ts'
import { listPaths } from '../../tree/path-list.ts'
import { TreeReader } from '../../tree/tree-reader.ts'
import { yielding } from '../../tree/yielding.ts'

/** What link(2) says of another filesystem, and where there are too many links already. */
const cannotBeLinked = ['EXDEV', 'EMLINK', 'EPERM', 'EOPNOTSUPP']

/**
 * Makes a tree like the base in an empty directory: directories of its own, and links to all else.
 * What cannot be linked is copied, such as all of a subvolume.
 */
export async function cloneBase(trees: RsyncTrees, entries: Listing): Promise<void> {
  const directories: BytePath[] = []
  const left: BytePath[] = []
  {
    using from = new TreeReader(trees.source.here)
    using to = new TreeReader(trees.staging.here)
    for await (const [path, { type }] of yielding([...entries], trees.signal)) {
      if (path === '') continue
      if (type === 'd') {
        to.at(path, (made) => mkdirSync(systemPath(made), 0o700))
        directories.push(path)
      } else if (!link(from, to, path)) left.push(path)
    }
  }

  if (left.length > 0) await rsyncFiles(trees, listPaths(left))
  await rsyncDirectories(trees, listPaths(directories))
  await copyRootAttributes(trees)
}

/** False where that cannot be. */
function link(from: TreeReader, to: TreeReader, path: BytePath): boolean {
  const [source, target] = [from, to].map((reader) => reader.enter(parentOf(path)))
  const name = nameOf(path)
  try {
    linkSync(systemPath(`${source}/${name}`), systemPath(`${target}/${name}`))
    return true
  } catch (error) {
    if (cannotBeLinked.includes(errorCode(error) ?? '')) return false
    throw error
  }
}

import { errorCode } from '../../errors.ts'
import type { BytePath } from '../../tree/byte-path.ts'
import { isSparse } from '../../system/data-ranges.ts'
import { hasSameContent } from '../../tree/same-content.ts'
import { PathList, eachPath } from '../../tree/path-list.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

/** Files whose contents are to be compared. */
export interface Compared {
  /** Those that programs compare: they read all. */
  dense: PathList
  /** Sparse ones with the same data; attributes may differ. */
  same: PathList
  other: PathList
}

/**
 * Compares sparse files of two trees (paths through open directories) by their data: rsync would
 * read their holes, too. `pathIn` tells where the second tree has one.
 */
export async function compareSparse(
  root: string,
  second: string,
  paths: Uint8Array,
  pathIn: (path: BytePath) => BytePath,
): Promise<Compared> {
  const compared: Compared = { dense: new PathList(), same: new PathList(), other: new PathList() }
  using one = new TreeReader(root)
  using two = new TreeReader(second)
  for (const path of eachPath(paths)) {
    const stat = one.lstat(path)
    if (stat?.isFile() !== true || !isSparse(stat)) compared.dense.add(path)
    else if (await isSame(one, path, two, pathIn(path))) compared.same.add(path)
    else compared.other.add(path)
  }

  return compared
}

async function isSame(
  one: TreeReader,
  path: BytePath,
  two: TreeReader,
  otherPath: BytePath,
): Promise<boolean> {
  try {
    return (
      (await one.at(path, (file) => two.at(otherPath, (other) => hasSameContent(file, other)))) ===
      true
    )
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    // it is copied, which tells what is wrong
    return false
  }
}

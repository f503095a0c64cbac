import { type BytePath, bytePath, lstatIfReachable } from '../../system/byte-path.ts'
import { IndexBuilder } from './index-builder.ts'
import { SourceIndex, formatIndex } from './source-index.ts'

/** Longer ones cannot be looked at in one call; their directories are not sealed, and so looked through the next time. */
const longestPath = 4000

/**
 * An index of the directories of a finished copy, in the generation of `index`. A directory that has the same inode
 * and ctime later holds the same names for the same files, and has the same attributes. A path that somebody leads
 * elsewhere meanwhile seals what no spare will be.
 */
export function sealTree(target: string, index: Buffer): Buffer {
  const source = new SourceIndex(index)
  const root = bytePath(target)
  const builder = new IndexBuilder()
  for (const path of source.directories()) {
    const place: BytePath = `${root}/${path}`
    const stat = place.length > longestPath ? undefined : lstatIfReachable(place)
    if (stat?.isDirectory() !== true) continue
    builder.beginDirectory(path)
    builder.add('.', stat.ino, stat.ctimeNs, source.generation.number)
  }
  return formatIndex(source.generation, [builder.bytes()])
}

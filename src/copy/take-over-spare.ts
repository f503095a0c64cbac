import { lstatSync, renameSync } from 'node:fs'
import { joinPath, lstatIfReachable } from '../system/byte-path.ts'
import { openDirectory } from '../system/directory-handle.ts'
import type { SpareRequest } from './engine.ts'
import { readIndex } from './scan/read-index.ts'
import { SourceIndex, readGeneration } from './scan/source-index.ts'

/**
 * Puts a copy of the base that nobody else could ever reach in the place of the target, an empty directory: it may be
 * written to, so what has changed is exchanged in it, and nothing else is linked.
 * False where it is of another generation than `index`, or is not what it was sealed as; then the target is as it was.
 */
export function takeOverSpare(
  spare: SpareRequest | undefined,
  index: Buffer,
  target: string,
): boolean {
  if (spare?.isPrivate !== true) return false
  try {
    const seal = readIndex(spare.seal)
    if (seal === undefined || !isOfGeneration(seal, index)) return false
    if (!isAsSealed(spare.tree, new SourceIndex(seal), new SourceIndex(index))) return false
    renameSync(spare.tree, target)
    return true
  } catch {
    // the same copy without it will do
    return false
  }
}

function isOfGeneration(seal: Buffer, index: Buffer): boolean {
  const [one, other] = [readGeneration(seal), readGeneration(index)]
  return one.chain === other.chain && one.number === other.number
}

/** Each directory of which the index tells; what is in others is not relied on. */
function isAsSealed(path: string, sealed: SourceIndex, index: SourceIndex): boolean {
  const { dev } = lstatSync(path)
  using tree = openDirectory(path)
  for (const directory of index.directories()) {
    const stat = lstatIfReachable(`${tree.here}/${joinPath(directory, '.')}`)
    if (stat === undefined || stat.dev !== BigInt(dev)) return false
    if (!sealed.directory(directory).matches('.', stat.ino, stat.ctimeNs)) return false
  }
  return true
}
